import { useState } from "react";

export function SignUp() {
  const [user, setUser] = useState();
  if (user) return <h1>Hello {user.username}!</h1>;
  return <edge-sign-up client-id="demo" onsign-up={(event) => setUser(event.detail.user)} />;
}
