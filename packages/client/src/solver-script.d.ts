/** The built `solver.ts`, which esbuild puts into the client as a text. */
declare module "solver-script" {
  const text: string;
  export default text;
}
