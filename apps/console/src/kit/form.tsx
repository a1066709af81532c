import { randomUUID } from "node:crypto";
import type { ComponentChildren } from "preact";

/** The name of the field that tells one form from another, so that a form that is sent twice acts once. */
export const keyField = "form-key";

/**
 * A form that changes something. It works without scripts, and only from our own pages: the server asks the browser
 * where it comes from.
 */
export function ActionForm({
  action,
  children,
  isLive,
}: {
  readonly action: string;
  readonly children: ComponentChildren;
  /** Whether it may be replaced while the page is open: only where nobody types into it. */
  readonly isLive?: boolean;
}) {
  return (
    <form method="post" action={action} class="stack" data-guard={isLive ? undefined : ""}>
      <input type="hidden" name={keyField} value={randomUUID()} />
      {children}
    </form>
  );
}

/** A form that only asks: what is filled in is the query of the page that it leads to. */
export function FilterForm({
  action,
  children,
}: {
  readonly action: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to all browsers that are in use.
    <form method="get" action={action} class="filters" role="search">
      {children}
      <div class="field-actions">
        <button type="submit">Show</button>
        <a href={action}>Clear</a>
      </div>
    </form>
  );
}

/** What was wrong with what was sent; stands above the form, which still has it. */
export function Mistakes({ mistakes }: { readonly mistakes: readonly string[] }) {
  if (mistakes.length === 0) return null;
  return (
    <section class="notice bad" role="alert">
      <strong>Nothing was done. Please fix this:</strong>
      <ul>
        {mistakes.map((mistake) => (
          <li key={mistake}>{mistake}</li>
        ))}
      </ul>
    </section>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly value?: string | undefined;
  readonly required?: boolean;
}

/** A line of text with its label, and a hint beneath. */
export function TextField({
  name,
  label,
  hint,
  value,
  required,
  placeholder,
}: FieldProps & { readonly placeholder?: string }) {
  const hintId = `${name}-hint`;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type="text"
        value={value ?? ""}
        required={required}
        placeholder={placeholder}
        autocomplete="off"
        aria-describedby={hint === undefined ? undefined : hintId}
      />
      {hint !== undefined && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A text of several lines. */
export function TextArea({
  name,
  label,
  hint,
  value,
  required,
  rows = 4,
  isCode,
}: FieldProps & { readonly rows?: number; readonly isCode?: boolean }) {
  const hintId = `${name}-hint`;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <textarea
        id={name}
        name={name}
        rows={rows}
        required={required}
        class={isCode ? "code" : undefined}
        spellcheck={!isCode}
        aria-describedby={hint === undefined ? undefined : hintId}
      >
        {value ?? ""}
      </textarea>
      {hint !== undefined && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** One of several, or, where `anyLabel` is given, none of them. */
export function SelectField({
  name,
  label,
  value,
  choices,
  anyLabel,
}: Omit<FieldProps, "hint" | "required"> & {
  readonly choices: readonly Choice[];
  readonly anyLabel?: string;
}) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        {anyLabel !== undefined && <option value="">{anyLabel}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value} selected={choice.value === value}>
            {choice.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A box to tick. */
export function CheckField({
  name,
  label,
  checked,
}: {
  readonly name: string;
  readonly label: string;
  readonly checked?: boolean;
}) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value="yes" checked={checked} /> {label}
    </label>
  );
}

/** Why somebody does something: is put on record, with the name. */
export function ReasonField({ value }: { readonly value?: string | undefined }) {
  return (
    <TextField
      name="reason"
      label="Reason"
      hint="Is put on record beside your name, for whoever asks later."
      value={value}
      required
    />
  );
}
