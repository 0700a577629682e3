// Only e-mail addresses of some domains may sign up.
import { allow, deny, domainOf, hook } from "../hook.js";

export default hook(({ username }, { DOMAINS }) => {
  const isAllowed = DOMAINS.split(" ").includes(domainOf(username));
  return isAllowed ? allow : deny(`Use an e-mail address of ${DOMAINS.replaceAll(" ", " or ")}.`, "username");
});
