// How each figure is measured. A measurement gives rounds, and a round gives its values target by target.
import assert from "node:assert/strict";

import { expect, requestsOf, send } from "./requests.js";
import { cpu, peakMemory, prepareHash, settledCpu, start, startAll, withMemory } from "./targets.js";

// A round is many short turns of each target, so that whatever else the machine does disturbs all alike; and
// together long enough for the kernel to count a process's CPU in ticks of 10 ms.
const TURNS = 8;
const TURN_MS = 100;

const CONNECTIONS = 16;

/** Repeats `round` for `seconds`, and at least so many times. */
async function repeat(seconds, least, round) {
    const results = [];
    const end = performance.now() + 1000 * seconds;
    while (results.length < least || performance.now() < end) results.push(await round(results.length));
    return results;
}

/** The same items, beginning with another. */
const rotate = (items, by) => [...items.slice(by % items.length), ...items.slice(0, by % items.length)];

/** Gives each target's value of `measure`, one after another. */
async function inTurn(targets, measure) {
    const values = {};
    for (const target of targets) values[target.name] = await measure(target);
    return values;
}

/** Rounds of turns: CPU in milliseconds and latency of one request, and requests a second. */
async function compare(servers, seconds, { request, connections = 1 }) {
    const round = async (at) => {
        const before = await inTurn(servers, cpu);
        const walls = await inTurn(servers, () => []);
        const busy = await inTurn(servers, () => 0);
        for (let turn = 0; turn < TURNS; turn++) {
            for (const server of rotate(servers, at + turn)) {
                const begin = performance.now();
                const connection = async () => {
                    do {
                        const sent = performance.now();
                        await request(server);
                        walls[server.name].push(performance.now() - sent);
                    } while (performance.now() < begin + TURN_MS * connections ** 0.5);
                };
                await Promise.all(Array.from({ length: connections }, connection));
                busy[server.name] += performance.now() - begin;
            }
        }
        return inTurn(servers, (server) => {
            const { length, [length >> 1]: latency } = walls[server.name].sort((a, b) => a - b);
            return {
                cpu: (cpu(server) - before[server.name]) / length,
                latency,
                rate: (1000 * length) / busy[server.name],
            };
        });
    };
    // V8 compiles what has become hot: the first round is not like the others.
    await round(0);
    return repeat(seconds, 2, round);
}

/** One kind of request, on all targets that know it. */
export function requests(kind, servers, seconds, connections) {
    const able = servers.filter((server) => requestsOf(server)[kind]);
    const request = (server) => expect(server.ports[0], requestsOf(server)[kind]());
    return compare(able, seconds, { request, connections });
}

/** The same over many connections. */
export const rate = (kind, servers, seconds) => requests(kind, servers, seconds, CONNECTIONS);

/**
 * One hash with nothing around it, of ours and of the JavaScript peers; and beside it a sign-up, so that what
 * a sign-up takes beside its hash is a difference within one round.
 */
export async function hash(servers, seconds) {
    const alone = await startAll(["edge-signup", "js"].map(prepareHash));
    const around = alone.map(({ name }) => {
        const { pid, ports } = servers.find((server) => server.name === name);
        return { name: `${name}'s sign-up`, pid, ports };
    });
    const request = async (server) => {
        if (around.includes(server)) return expect(server.ports[0], signUp());
        // A PHC string has 97 characters under these parameters.
        assert.equal((await send(server.ports[0], { path: "/?count=1" })).body, "97");
    };
    const signUp = requestsOf({ name: "js" })["sign-up"];
    try {
        const rounds = await compare([...alone, ...around], seconds, { request });
        const values = (round) => ({ name }) => {
            const { cpu } = round[name];
            return { cpu, beside: round[`${name}'s sign-up`].cpu - cpu };
        };
        return await Promise.all(rounds.map((round) => inTurn(alone, values(round))));
    } finally {
        for (const server of alone) await server.stop();
    }
}

/** CPU to load a new isolate, and to load it and answer its first sign-up: many isolates less one. */
export function isolates(targets, seconds, copies) {
    const round = (at) =>
        inTurn(rotate(targets, at), async (target) => {
            const many = await fresh(target, copies + 1);
            const one = await fresh(target, 1);
            return { load: (many.load - one.load) / copies, first: (many.first - one.first) / copies };
        });
    return repeat(seconds, 1, round);
}

async function fresh(target, copies) {
    const server = await start(target, copies);
    try {
        for (const port of server.ports) await expect(port, requestsOf(target)["sign-up"]());
        return { load: server.loaded, first: await settledCpu(server) };
    } finally {
        await server.stop();
    }
}

/** The most memory that a fresh process holds during so many sign-ups, one after another, in MiB. */
export function memory(targets, seconds, count) {
    const round = () =>
        inTurn(targets, async (target) => {
            const server = await start(target);
            try {
                for (let i = 0; i < count; i++) await expect(server.ports[0], requestsOf(target)["sign-up"]());
                return { memory: peakMemory(server) };
            } finally {
                await server.stop();
            }
        });
    return repeat(seconds, 1, round);
}

/** The size of each wasm's memory after some sign-ups, in MiB. */
export async function wasmMemory(targets) {
    const round = await inTurn(targets, async (target) => {
        const server = await start(withMemory(target));
        try {
            for (let i = 0; i < 10; i++) await expect(server.ports[0], requestsOf(target)["sign-up"]());
            return { memory: Number((await send(server.memory, { path: "/" })).body) / 2 ** 20 };
        } finally {
            await server.stop();
        }
    });
    return [round];
}
