// Each user needs the code of an invitation, which is good for one sign-up and its retries.
import { allow, deny, hook } from "../hook.js";

export default hook(async ({ id, code, client_id, username }, { INVITATIONS, USERS }) => {
  if (!code) return deny("You need an invitation: enter its code.");
  const invitation = await INVITATIONS.prepare("SELECT attempt FROM invitations WHERE code = ?1")
    .bind(code)
    .first();
  if (invitation?.attempt === null && client_id && (await USERS.get({ client_id, username }))) {
    // The service would refuse the name after this hook, and the code would be lost.
    return deny("This name is taken. Choose another one.", "username");
  }
  // D1 runs one statement at a time, so only one attempt gets the code. Each retry of an attempt has the same id.
  const taken = await INVITATIONS.prepare(
    "UPDATE invitations SET attempt = ?2 WHERE code = ?1 AND (attempt IS NULL OR attempt = ?2) RETURNING code",
  )
    .bind(code, id)
    .first();
  return taken ? allow : deny("This invitation is unknown, or was used.");
});
