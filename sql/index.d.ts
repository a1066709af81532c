export declare const sqlDirectory: URL;
