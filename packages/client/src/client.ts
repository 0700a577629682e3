// The client of edge-signup: one call signs a user up, and gives a result that a compiler can check.

import type { components } from "./openapi.js";
import { type DetailOf, type Field, fieldOf, type OwnWord, type Reason, reasonOf } from "./reasons.js";
import { type Challenge, solve } from "./solve.js";
import { freshKey, headerValue } from "./text.js";

export type { DetailOf, OwnWord, Reason, Word } from "./reasons.js";
export { firstBitsAfter } from "./sha256.js";
export { type Challenge, type SolveOptions, solve } from "./solve.js";
export { freshKey, headerValue } from "./text.js";

type Schemas = components["schemas"];

/** A user who is signed up. */
export type User = Schemas["SignedUp"]["user"];
/** An account that is stored. */
export type Account = Schemas["Account"];
/** The rules of a service. */
export type Rules = Schemas["Rules"];

/** Why a call did not succeed. */
export type Failure<Fields extends string = never> = {
  [R in Reason]: {
    ok: false;
    /** The remedy, as one word. */
    reason: R;
    /** The word of `X-Error-Reason`, or a word of the client. A later service may have words that no type lists. */
    detail: DetailOf<R> | (string & {});
    /** The argument at fault, if only one is at fault. */
    field?: Fields;
    /** A sentence for people, in English. It may be reworded. */
    message: string;
    /** The seconds after which the service wants to be asked again. */
    retryAfter?: number;
    /**
     * The key of a sign-up. After "unavailable" the sign-up may be stored all the same. A call with this key and the
     * same arguments then gets the first answer, and not "taken".
     */
    idempotencyKey?: string;
  };
}[Reason];

export type SignUpField = Exclude<Field, "privacy">;
export type AccountField = "name" | Extract<Field, "privacy" | "captchaToken" | "idempotencyKey">;

export type SignUpResult = { ok: true; user: User } | Failure<SignUpField>;
export type AccountResult = { ok: true; account: Account } | Failure<AccountField>;
export type RulesResult = { ok: true; rules: Rules } | Failure;

export interface ClientOptions {
  /** The address of the service. By default it is the origin that this module was loaded from. */
  url?: string | URL | undefined;
  /** The identifier of the application, which `signUp` needs. */
  clientId?: string | undefined;
  /** The longest time of a call in milliseconds, its repeats and its proof of work included: 30,000 by default. */
  timeout?: number | undefined;
  /** Sends the requests, in place of the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Starts the thread for proof of work: see `SolveOptions`. */
  worker?: (() => Worker) | undefined;
}

export interface SignUpInput {
  /** At most 254 characters. */
  username: string;
  /** At most 1,024 bytes in UTF-8. The rules of the service have the shortest length. */
  password: string;
  /** The token of a Turnstile challenge, if the service asks for one. */
  captchaToken?: string | undefined;
  /** A text for the operator's hook, such as the code of an invitation: at most 512 bytes as a header's value. */
  code?: string | undefined;
}

export interface AccountInput {
  /** At most 254 characters. */
  name: string;
  /** Whether others may see the account: "Public" by default. */
  privacy?: Account["privacy"] | undefined;
  /** The token of a Turnstile challenge, if the service asks for one. */
  captchaToken?: string | undefined;
  /** A text for the operator's hook, such as the code of an invitation: at most 512 bytes as a header's value. */
  code?: string | undefined;
}

export interface CallOptions {
  /** Ends the call: its promise is then rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** The key of the sign-up: 1 to 255 visible ASCII characters. By default each call has a fresh one. */
  idempotencyKey?: string | undefined;
  /** Is called during a proof of work, with the probability, from 0 to 1, that it would be done by now. */
  onProgress?: ((progress: number) => void) | undefined;
}

/** A client of one service. A refusal, a lost answer and the end of the time limit are results, and not errors. */
export interface Client {
  /**
   * Signs a user up with a password. Is rejected with a `TypeError` if an argument is of the wrong type, the key has a
   * wrong form or the client has no `clientId`, and with the reason of `options.signal`.
   */
  signUp(input: SignUpInput, options?: CallOptions): Promise<SignUpResult>;
  /**
   * Creates an account by name. Is rejected with a `TypeError` if an argument is of the wrong type or the key has a
   * wrong form, and with the reason of `options.signal`.
   */
  createAccount(input: AccountInput, options?: CallOptions): Promise<AccountResult>;
  /** The rules of the service. The client keeps them for a minute. Is rejected only with the reason of `signal`. */
  rules(options?: Pick<CallOptions, "signal">): Promise<RulesResult>;
  /**
   * Begins the work of the next sign-up early, in the background: call it when the form is shown. The promise is
   * fulfilled when all is ready, also if something has failed; a call need not wait for it.
   */
  prepare(): Promise<void>;
}

/** An answer that was read. */
interface Answer {
  status: number;
  /** The word of `X-Error-Reason`. */
  word: string | null;
  retryAfter: number | undefined;
  body: unknown;
}

/** A solution, and when its challenge expires. */
interface Proof {
  solution: string;
  expires: number;
}

/** A proof that is made before a call. */
interface Work {
  done: Promise<Proof | undefined>;
  /** When the proof expires, once it is done. */
  expires: number;
  onProgress?: CallOptions["onProgress"];
}

/** A request of a call. */
interface Request<Success> {
  path: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: string;
  /** The result that a body stands for, if it has the right form. */
  read(body: unknown): Success | undefined;
}

const TIMEOUT = 30_000;
/** The longest time that `setTimeout` takes. */
const TIMEOUT_MAX = 2 ** 31 - 1;
/** The pause before the second try. Each further pause is twice as long, up to the longest pause. */
const PAUSE = 500;
const PAUSE_MAX = 8_000;
/** How often a call makes another proof, after the service has refused one. */
const RENEWALS = 3;
/** A solution is not sent if its challenge expires within this time. */
const MARGIN = 10_000;
/** How long the client keeps the rules. */
const RULES_KEPT = 60_000;

/** The sentences of the answers that have none. */
const MESSAGES: Record<OwnWord | "username_taken", string> = {
  username_taken: "Username already in use",
  no_answer: "The service could not be reached",
  timed_out: "The service took too long",
  unreadable_answer: "The service did not answer; another server did in its place",
};

/** Makes a client of one service. Throws a `TypeError` for an option that makes no sense. */
export function createClient(options: ClientOptions = {}): Client {
  const base = address(options.url ?? import.meta.url);
  const { clientId, timeout = TIMEOUT, worker } = options;
  const send: typeof fetch = options.fetch ?? ((...request) => fetch(...request));
  check(clientId === undefined || typeof clientId === "string", "clientId must be a string");
  check(timeout > 0 && timeout <= TIMEOUT_MAX, "timeout must be a number of milliseconds, at most 2147483647");
  check(typeof send === "function", "fetch must be a function");

  /** Whether the service is known to ask for proof of work. */
  let asks = false;
  let isPrepared = false;
  let work: Work | undefined;
  let kept: { rules: Rules; until: number } | undefined;

  /** Sends a request once. Gives nothing if there is no answer, or after a third of the time limit. */
  async function exchange(path: string, init: RequestInit, stop: AbortSignal): Promise<Answer | undefined> {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    stop.addEventListener("abort", end);
    const timer = setTimeout(end, timeout / 3);
    try {
      return await until(
        attempt.signal,
        (async () => {
          const response = await send(base + path, { ...init, signal: attempt.signal });
          return {
            status: response.status,
            word: response.headers.get("X-Error-Reason"),
            retryAfter: seconds(response.headers.get("Retry-After")),
            body: parsed(await response.text()),
          };
        })(),
      );
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
    }
  }

  /** Solves a new challenge. If the service gives none, this gives its answer. */
  async function prove(
    stop: AbortSignal,
    onProgress: CallOptions["onProgress"],
  ): Promise<{ proof?: Proof | undefined; answer?: Answer | undefined }> {
    const answer = await exchange(CHALLENGE, {}, stop);
    const { challenge, bits, expires_in } = (answer?.body ?? {}) as Partial<Schemas["Challenge"]>;
    if (answer?.status !== 200 || !challenge || !bits) return { answer };
    const expires = performance.now() + Number(expires_in) * 1000;
    const solving: Challenge = { challenge, bits };
    return { proof: { solution: await solve(solving, { signal: stop, onProgress, worker }), expires } };
  }

  /** Sends a request until it is answered, the time limit ends or `signal` is aborted. */
  async function call<Success extends { ok: true }>(
    request: Request<Success>,
    { signal, onProgress }: CallOptions,
    key?: string,
  ): Promise<Success | Failure<Field>> {
    signal?.throwIfAborted();
    const stopping = new AbortController();
    const stop = stopping.signal;
    const end = () => stopping.abort();
    const deadline = performance.now() + timeout;
    const timer = setTimeout(end, timeout);
    signal?.addEventListener("abort", end);
    try {
      const result = await attempts(request, stop, deadline, onProgress);
      if (!result?.ok) signal?.throwIfAborted();
      const ended = result ?? failure("timed_out");
      if (!ended.ok && key) ended.idempotencyKey = key;
      return ended;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      // Stops all that the call has begun.
      end();
    }
  }

  /** The attempts of a call, up to a result. If `stop` ends them, this gives the last failure, or nothing. */
  async function attempts<Success extends { ok: true }>(
    { path, read, ...init }: Request<Success>,
    stop: AbortSignal,
    deadline: number,
    onProgress: CallOptions["onProgress"],
  ): Promise<Success | Failure<Field> | undefined> {
    const needsProof = init.method === "POST";
    let failed: Failure<Field> | undefined;
    let proof: Proof | undefined;
    let renewals = 0;
    for (let pause = PAUSE; !stop.aborted; ) {
      let answer: Answer | undefined;
      let isSent = false;
      if (proof && proof.expires < soon()) proof = undefined;
      if (needsProof && asks && !proof) {
        ({ proof, answer } = await earlyProof(stop, onProgress));
        if (stop.aborted) break;
        asks = answer?.status !== 404;
        isSent = asks && !proof;
      }
      if (!isSent) {
        const headers = proof ? { ...init.headers, "Proof-Of-Work": proof.solution } : init.headers;
        answer = await exchange(path, { ...init, headers }, stop);
        const success = answer && answer.status < 300 && read(answer.body);
        if (success) return success;
        if (stop.aborted) break;
      }

      const word = answer?.word ?? (answer ? "unreadable_answer" : "no_answer");
      if (word.startsWith("proof_") && renewals++ < RENEWALS) {
        asks = true;
        proof = undefined;
        continue;
      }
      failed = failure(word, answer);
      // Another server answers in the place of the service if the service does not. But if its status blames the
      // request, a repeat would get the same answer.
      const isFinal = answer?.word ? answer.status !== 503 : answer && answer.status >= 300 && answer.status < 500;
      if (isFinal) {
        if (needsProof) keepOrRenew(failed, proof);
        return failed;
      }

      // A page of another origin may not send a proof that the service does not ask for any more.
      if (!answer && proof) {
        asks = (await exchange(CHALLENGE, {}, stop))?.status !== 404;
        if (!asks) proof = undefined;
      }
      const wait = (failed.retryAfter ?? 0) * 1000 + pause * (0.5 + Math.random() / 2);
      pause = Math.min(2 * pause, PAUSE_MAX);
      if (performance.now() + wait >= deadline) return failed;
      await until(stop, new Promise((resolve) => setTimeout(resolve, wait)));
    }
    return failed;
  }

  /** The proof that was prepared, or else a new one, or else the answer of a service that gave no challenge. */
  async function earlyProof(stop: AbortSignal, onProgress: CallOptions["onProgress"]): ReturnType<typeof prove> {
    const early = work;
    if (early) {
      // No other call gets the same proof.
      work = undefined;
      early.onProgress = onProgress;
      const proof = await until(stop, early.done);
      if (stop.aborted) work = early;
      if (stop.aborted || (proof && proof.expires > soon())) return { proof };
    }
    return (await until(stop, prove(stop, onProgress))) ?? {};
  }

  /** Keeps a proof that the service has not looked at, for the next call. Makes another one early if it has. */
  function keepOrRenew({ reason, detail }: { reason: Reason; detail: string }, proof: Proof | undefined) {
    // The service looks at the fields first. The user corrects the field, or chooses another name.
    const isUnspent = reason === "invalid" && !["password_breached", "username_denied"].includes(detail);
    if (proof && isUnspent) work ??= { done: Promise.resolve(proof), expires: proof.expires };
    else if (isPrepared && ["taken", "invalid", "refused"].includes(reason)) prepare();
  }

  async function rules({ signal }: Pick<CallOptions, "signal"> = {}): Promise<RulesResult> {
    if (kept && kept.until > performance.now()) return { ok: true, rules: kept.rules };
    const request: Request<{ ok: true; rules: Rules }> = {
      path: RULES,
      method: "GET",
      headers: {},
      read: (body) => (isRules(body) ? { ok: true, rules: body } : undefined),
    };
    const result = await call(request, { signal });
    if (result.ok) {
      kept = { rules: result.rules, until: performance.now() + RULES_KEPT };
      asks = result.rules.proof_of_work !== null;
    }
    return result as RulesResult;
  }

  async function prepare(): Promise<void> {
    isPrepared = true;
    if (!work || work.expires < soon()) {
      const mine: Work = { done: prepared((progress) => mine.onProgress?.(progress)), expires: Infinity };
      work = mine;
      const proof = await mine.done;
      if (proof) mine.expires = proof.expires;
      else if (work === mine) work = undefined;
    }
    await work?.done;
  }

  /** A proof for a later call, if the service asks for one. */
  async function prepared(onProgress: CallOptions["onProgress"]): Promise<Proof | undefined> {
    const known = await rules();
    if (!known.ok || !asks) return undefined;
    const made = await prove(new AbortController().signal, onProgress).catch(() => undefined);
    return made?.proof;
  }

  return {
    async signUp({ username, password, captchaToken, code }, options = {}) {
      check(typeof clientId === "string", "signUp needs the option clientId of createClient");
      check(typeof username === "string", "username must be a string");
      check(typeof password === "string", "password must be a string");
      const key = checkedKey(options, captchaToken);
      const request: Request<{ ok: true; user: User }> = {
        path: "/sign-up",
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key, ...codeHeader(code) },
        body: JSON.stringify({ username, password, client_id: clientId, captcha_token: captchaToken }),
        read: (body) => {
          const user = (body as Partial<Schemas["SignedUp"]> | null)?.user;
          return typeof user?.id === "number" ? { ok: true, user } : undefined;
        },
      };
      return (await call(request, options, key)) as SignUpResult;
    },

    async createAccount({ name, privacy = "Public", captchaToken, code }, options = {}) {
      check(typeof name === "string", "name must be a string");
      check(typeof privacy === "string", 'privacy must be "Public" or "Private"');
      const key = checkedKey(options, captchaToken);
      const request: Request<{ ok: true; account: Account }> = {
        path: "/users/",
        method: "POST",
        headers: {
          Username: headerValue(name),
          Privacy: headerValue(privacy),
          "Idempotency-Key": key,
          ...codeHeader(code),
        },
        read: (body) => {
          const account = body as Partial<Account> | null;
          return typeof account?.name === "string" ? { ok: true, account: account as Account } : undefined;
        },
      };
      if (captchaToken !== undefined) request.headers["Captcha-Token"] = headerValue(captchaToken);
      const result = await call(request, options, key);
      // The account's name is in the header `Username`.
      if (!result.ok && result.field === "username") return { ...result, field: "name" };
      return result as AccountResult;
    },

    rules,
    prepare,
  };
}

const RULES = "/.well-known/edge-signup";
/** A service that does not ask for proof of work answers 404 here. */
const CHALLENGE = "/challenge";

function isRules(body: unknown): body is Rules {
  const { username, password } = (body ?? {}) as Partial<Rules>;
  return typeof username === "object" && typeof password === "object";
}

/** A failure as the caller gets it, from its word and the answer that had it. */
function failure(word: string, answer?: Answer): Failure<Field> {
  const { description } = (answer?.body ?? {}) as { description?: unknown };
  const sentence = MESSAGES[word as keyof typeof MESSAGES] ?? `The service answered ${word}`;
  const field = fieldOf(word);
  const retryAfter = answer?.retryAfter;
  return {
    ok: false,
    reason: reasonOf(word, answer?.status ?? 0),
    detail: word,
    ...(field && { field }),
    message: typeof description === "string" ? description : sentence,
    ...(retryAfter !== undefined && { retryAfter }),
  } as Failure<Field>;
}

/** The time until which a challenge must be valid to be sent. */
const soon = () => performance.now() + MARGIN;

/** Throws the error of a call that the caller got wrong. */
function check(isRight: boolean, message: string): asserts isRight {
  if (!isRight) throw new TypeError(message);
}

/** The key of a call, after a check of the arguments that both calls share. */
function checkedKey({ idempotencyKey = freshKey() }: CallOptions, captchaToken: unknown): string {
  check(captchaToken === undefined || typeof captchaToken === "string", "captchaToken must be a string");
  const isKey = typeof idempotencyKey === "string" && /^[!-~]{1,255}$/.test(idempotencyKey);
  check(isKey, "idempotencyKey must be 1 to 255 visible ASCII characters");
  return idempotencyKey;
}

/** The header of a text for the operator's hook. */
function codeHeader(code: unknown): Record<string, string> {
  check(code === undefined || typeof code === "string", "code must be a string");
  return code ? { "Sign-Up-Code": headerValue(code as string) } : {};
}

/** The service's address without a final slash. */
function address(url: string | URL): string {
  const isWeb = /^https?:/.test(String(url));
  check(isWeb, "url must be the address of the service, as in https://sign-up.example");
  const { origin, pathname } = new URL(url);
  // The module's own address is that of a file of the service.
  return url === import.meta.url ? origin : origin + pathname.replace(/\/+$/, "");
}

/** A promise's value, or nothing if `stop` is aborted first. */
async function until<T>(stop: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  let onAbort = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    stop.addEventListener("abort", onAbort);
    if (stop.aborted) onAbort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop.removeEventListener("abort", onAbort);
  }
}

/** The seconds of a `Retry-After`, which may also be a date. */
function seconds(text: string | null): number | undefined {
  if (!text) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000);
  return number >= 0 ? number : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
