import { createRoot } from "react-dom/client";
import { SignUp } from "./SignUp.jsx";

createRoot(document.querySelector("main")).render(<SignUp />);
