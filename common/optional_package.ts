import { VisplayError } from "./errors.ts";

/** What `import` and `require.resolve` say of a package that is not there. */
const notFound = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"];

/**
 * What `load` imports of a package that need not be there. `setting` is what needs it, for people; `version` the one that it
 * has to be. Throws "config", with how to add it, where it is missing.
 */
export async function importOptional<T>(
  name: string,
  setting: string,
  load: () => Promise<T>,
  version?: string,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isIt = [`'${name}'`, `'${name}/`].some((start) => message.includes(start));
    if (!notFound.includes(code ?? "") || !isIt) throw cause;
    const wanted = version === undefined ? name : `${name}@${version}`;
    const advice = `${setting} needs the package ${name}, which is not installed; add it: npm install ${wanted}`;
    throw new VisplayError("config", advice, { cause });
  }
}
