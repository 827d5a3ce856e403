/**
 * Replaces the users file in one step: whoever reads it meanwhile, or after a crash, finds the old text or the new one.
 *
 *     FILE.new (made exclusively, so that it is a lock as well) -> on disk -> renamed to FILE
 */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

/**
 * @param change is handed the text as it is, empty where there is no file; `undefined` leaves everything as it is
 * @returns whether it was written. A new file is its owner's alone (0600); one that exists keeps owner, group and their
 *   rights, and loses those of others. Throws what the file system says, and when another change is under way
 */
export async function changeUsersFile(
  file: string,
  change: (text: string) => Promise<string | undefined>,
): Promise<boolean> {
  const target = existsSync(file) ? realpathSync(file) : file;
  const handle = openLock(`${target}.new`);
  try {
    const text = await change(existsSync(target) ? readFileSync(target, "utf8") : "");
    if (text === undefined) {
      unlinkSync(`${target}.new`);
      return false;
    }
    writeFileSync(handle, text);
    keepOwner(handle, target);
    fsyncSync(handle);
    renameSync(`${target}.new`, target);
    syncFolder(path.dirname(target));
    return true;
  } catch (error) {
    if (existsSync(`${target}.new`)) unlinkSync(`${target}.new`);
    throw error;
  } finally {
    closeSync(handle);
  }
}

function openLock(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const remedy = `wait for it, or remove ${file} if it was killed`;
    throw new Error(`another "letterlock user" is changing this file: ${remedy}`, { cause: error });
  }
}

/** The relay may run as another user, who reads it by its group. */
function keepOwner(handle: number, target: string): void {
  if (!existsSync(target)) return;
  const { uid, gid, mode } = statSync(target);
  fchownSync(handle, uid, gid);
  fchmodSync(handle, mode & 0o770);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}
