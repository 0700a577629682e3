/** `make` builds `style.css` into this text. */
declare module "style-sheet" {
  const text: string;
  export default text;
}
