/** From where on the doctor calls something too much. Times by the database's clock. */
export interface DoctorLimits {
  /** How long a transaction may be open, in seconds; default 600. */
  readonly transactionS: number;
  /** How long a prepared transaction may wait for its end, in seconds; default 300. */
  readonly preparedTransactionS: number;
  /** How many dead rows a table may have, and how many rows without statistics; default 10,000. */
  readonly rows: number;
  /** How far a clock may be off, in milliseconds; default 1,000. */
  readonly clockMs: number;
  /** How long all checks of one database may take together, in seconds; default 30. What is left then is not checked. */
  readonly databaseS: number;
}

export const defaultLimits: DoctorLimits = {
  transactionS: 600,
  preparedTransactionS: 300,
  rows: 10_000,
  clockMs: 1_000,
  databaseS: 30,
};
