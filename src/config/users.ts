/**
 * `users-file:`, and the users that other mail servers' configurations bring.
 */
import type { User, UserDirectory } from "../users/user.ts";
import { createUserDirectory } from "../users/user-directory.ts";
import { parseUsersFile, permissionProblem } from "../users/users-file.ts";
import type { Loading } from "./loading.ts";
import type { Values } from "./section-types.ts";
import type { fileTable } from "./table.ts";

/** Our own before those of others of the same name. */
export function assembleUsers(
  values: Values<typeof fileTable>,
  brought: readonly User[],
  loading: Loading,
): UserDirectory {
  const own = readUsers(values, loading);
  const names = new Set(own.map(({ name }) => name));
  for (const { name } of brought.filter((user) => names.has(user.name))) {
    const at = values["users-file"]?.at ?? values.policy.at;
    const message = `user "${name}" stands in the users file and in another configuration: the users file counts`;
    loading.problems.warning(at, message, "remove one of the two");
  }
  return createUserDirectory([...own, ...brought]);
}

function readUsers({ "users-file": written }: Values<typeof fileTable>, loading: Loading): readonly User[] {
  if (written === undefined) return [];
  const text = loading.read(written, "the users file");
  if (text === undefined) return [];
  const file = loading.resolve(written.value);
  const { users, problems } = parseUsersFile(text);
  for (const problem of problems) loading.reportIn(file, { ...problem, severity: "error" });
  const exposed = permissionProblem(loading.modeOf(written.value) ?? 0);
  if (exposed !== undefined) loading.reportIn(file, { ...exposed, severity: "warning" });
  return users;
}
