// Calls of the client, each over a network of its own: client.rs says how the kinds of networks behave. The same file
// runs on every platform.

const PASSWORD = "correct horse";

/** Runs all calls. Gives their results by name. `edge` is the address of the networks, `name` is the platform's. */
export async function run({ createClient, solve }, edge, name) {
  const client = (kind, options) =>
    createClient({ url: `${edge}/${name}/${kind}/`, clientId: `client-${name}`, ...options });
  const signUp = (kind, username, options, call) =>
    client(kind, options).signUp({ username, password: PASSWORD }, call).then(lasting);
  const createAccount = (kind, account, call) => client(kind).createAccount(account, call).then(lasting);

  const calls = {
    success: () => signUp("plain", "Ada"),
    taken: async () => {
      await signUp("plain", "Grace");
      return signUp("plain", "grace");
    },
    // The header of a name beyond ASCII, and of one that looks like the encoded form.
    account: () => createAccount("plain", { name: `Zoë-☃-'(*)-${name}`, privacy: "Private" }),
    encodedAccount: () => createAccount("plain", { name: `UTF-8''%41-${name}` }),
    accountTaken: () => createAccount("plain", { name: "☃", privacy: "Public" }),
    invalidName: () => createAccount("plain", { name: "Zoë ☃", privacy: "Public" }),
    halfACharacter: () => createAccount("plain", { name: "\ud83d", privacy: "Public" }),
    invalidPrivacy: () => createAccount("plain", { name: `friends-${name}`, privacy: "friends" }),
    invalidUsername: () => signUp("plain", "Ada Lovelace"),
    invalidClient: () => signUp("plain", "Ada", { clientId: "ä" }),
    blocked: () => signUp("blocked", "Ada"),
    limited: () => signUp("limited", "Ada"),
    limitedUntil: async () => {
      const { retryAfter, ...result } = await signUp("dated", "Ada");
      return { ...result, retryAfter: retryAfter > 1e9 };
    },
    // The service stores the user, and the connection ends before its answer.
    lost: () => signUp("lost", "lost"),
    lostAccount: () => createAccount("lost", { name: `lost-${name}` }),
    cut: () => signUp("cut", "cut"),
    busy: () => signUp("busy", "busy"),
    gateway: () => signUp("gateway", "gateway"),
    portal: () => signUp("portal", "portal"),
    page: () => signUp("page", "page"),
    unreachable: () => signUp("down", "down", { timeout: 5000 }),
    // The service asks for a longer pause than the time limit leaves.
    impatient: () => signUp("down-503", "down", { timeout: 20_000 }),
    silent: () => signUp("never", "never", { timeout: 1000 }),
    rules: () => client("plain").rules(),
    rulesOnce: async () => {
      const once = client("plain/once");
      const [first] = [await once.rules(), await once.rules(), await once.prepare()];
      return first.ok;
    },

    unprepared: () => signUp("work", "unprepared"),
    prepared: async () => {
      const early = client("work-early");
      await early.prepare();
      return lasting(await early.signUp({ username: "prepared", password: PASSWORD }));
    },
    // Nobody waits for the work before the call.
    preparing: async () => {
      const early = client("work-early");
      early.prepare();
      await early.rules();
      return lasting(await early.createAccount({ name: `preparing-${name}` }));
    },
    // An invalid name does not use the proof up, and a taken one does.
    kept: async () => {
      const early = client("work-kept");
      await early.prepare();
      const results = [];
      for (const username of ["not valid", "kept", "kept"]) {
        results.push(await early.signUp({ username, password: PASSWORD }));
      }
      await early.prepare();
      results.push(await early.signUp({ username: "kept-2", password: PASSWORD }));
      return results.map(({ ok, reason }) => reason ?? ok);
    },
    lostWork: () => signUp("work-lost", "lost-work"),
    busyWork: () => signUp("work-busy", "busy-work"),
    expired: () => signUp("work-expired", "expired"),
    stale: async () => {
      const early = client("work-stale");
      await early.prepare();
      return lasting(await early.signUp({ username: "stale", password: PASSWORD }));
    },
    spent: async () => [await signUp("work-spent", "spent"), await signUp("work-spent", "spent-2")],
    refusedWork: () => signUp("work-refused", "refused-work"),
    // The operator switches proof of work off after the client has made a proof.
    switchedOff: async () => {
      const early = client("work-off");
      await early.prepare();
      return lasting(await early.signUp({ username: "switched-off", password: PASSWORD }));
    },
    // The service asks for more work than the time limit allows.
    tooHard: () => {
      const fetch = async (url) =>
        url.endsWith("/challenge")
          ? Response.json({ challenge: "hard", bits: 26, expires_in: 600 })
          : Response.json({}, { status: 400, headers: { "X-Error-Reason": "proof_missing" } });
      return signUp("plain", "too-hard", { timeout: 1000, fetch });
    },

    aborted: async () => {
      const reason = new Error("the user went away");
      const isReason = async (start) => {
        const controller = new AbortController();
        const call = start(controller);
        return call.then(
          () => false,
          (error) => error === reason,
        );
      };
      const later = (controller) => setTimeout(() => controller.abort(reason), 300);
      const atOnce = (controller) => controller.abort(reason);
      return Promise.all(
        [
          ["plain", atOnce],
          ["never", later],
          ["down", later],
          ["work-hard", later],
        ].map(([kind, end]) =>
          isReason((controller) => {
            end(controller);
            return signUp(kind, "aborted", {}, { signal: controller.signal });
          }),
        ),
      );
    },
    // After an abort, a call with the same key gets the answer that was lost.
    abortedAndRepeated: async () => {
      const call = { idempotencyKey: "a-key" };
      const controller = new AbortController();
      const first = signUp("stored-never", "again", {}, { ...call, signal: controller.signal });
      await signUp("stored-never", "meanwhile");
      controller.abort();
      return [await first.catch(({ name }) => name), await signUp("stored-never", "again", {}, call)];
    },
    misuse: async () => {
      const good = { username: "Ada", password: PASSWORD };
      const misuses = [
        () => createClient({ url: "sign-up.example" }),
        () => createClient({ url: "ftp://sign-up.example" }),
        () => createClient({ url: "https://" }),
        () => createClient({ url: edge, clientId: 1 }),
        ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, "x"].map(
          (timeout) => () => createClient({ url: edge, timeout }),
        ),
        () => createClient({ url: edge, fetch: "fetch" }),
        () => createClient({ url: edge }).signUp(good),
        () => client("plain").signUp(),
        () => client("plain").signUp({ ...good, username: undefined }),
        () => client("plain").signUp({ ...good, password: 1234 }),
        () => client("plain").signUp({ ...good, captchaToken: null }),
        () => client("plain").signUp({ ...good, code: 7 }),
        () => client("plain").signUp(good, { idempotencyKey: "" }),
        () => client("plain").signUp(good, { idempotencyKey: "clé" }),
        () => client("plain").signUp(good, { idempotencyKey: "k".repeat(256) }),
        () => client("plain").signUp(good, { signal: "signal" }),
        () => client("plain").createAccount({ privacy: "Public" }),
        () => client("plain").createAccount({ name: "Ada", privacy: true }),
      ];
      const names = misuses.map(async (misuse) => misuse());
      return (await Promise.allSettled(names)).map(({ reason }) => reason?.name);
    },
    captcha: async () => {
      const given = { captchaToken: "token", code: "a-code" };
      await client("captcha").signUp({ username: "captcha", password: PASSWORD, ...given });
      return lasting(await client("captcha").createAccount({ name: `captcha-${name}`, ...given }));
    },
    // Only a thread tries so many nonces between two reports.
    hasThread: async () => {
      let reports = 0;
      const solution = await solve(LONG, { onProgress: () => reports++ });
      return [solution, reports];
    },
  };
  const results = {};
  const left = Object.entries(calls);
  const runNext = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [key, call] = next;
      results[key] = await call().catch((error) => String(error.stack ?? error));
    }
  };
  // A browser holds at most six connections to one server.
  await Promise.all(Array.from({ length: 4 }, runNext));
  return results;
}

/** A challenge that takes 215,665 tries: 3 times 65,536 and some more. */
const LONG = { challenge: "challenge 10", bits: 18 };

/** A result without what differs each time. */
function lasting({ idempotencyKey, ...result }) {
  if (result.user) result.user = { username: result.user.username };
  return result.ok || idempotencyKey ? result : "a failure without its key";
}
