"use strict";

const api = "/api/v1/security/auth/";
const token = new URLSearchParams(window.location.search).get("token");
// The token works once and must stay neither in the history nor in what is copied from the address bar.
window.history.replaceState(null, "", window.location.pathname);

const form = document.querySelector("form");
const answer = document.getElementById("answer");

function say(good, ...lines) {
  answer.className = good ? "good" : "bad";
  answer.replaceChildren(...lines.map((line) => {
    const p = document.createElement("p");
    p.textContent = line;
    return p;
  }));
}

// reasons makes sentences of "min_length: must have at least 12 characters".
function reasons(failure) {
  const told = (failure.details || []).map((d) => {
    const text = d.reason.slice(d.reason.indexOf(":") + 1).trim();
    return "The password " + text + ".";
  });
  return told.length ? told : [failure.message + "."];
}

async function call(path, body) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(api + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
    });
    return { ok: response.ok, body: await response.json() };
  } catch {
    return { ok: false, body: { error: "unreachable", message: "The service did not answer; try again" } };
  } finally {
    button.disabled = false;
  }
}

function refused(failure) {
  if (failure.error === "invalid_token") {
    say(false, "This link has been used or has run out. Ask for another one.");
    return;
  }
  say(false, ...reasons(failure));
}

async function setPassword() {
  const next = document.getElementById("next");
  const again = document.getElementById("again");
  if (next.value !== again.value) {
    say(false, "The two passwords differ.");
    again.focus();
    return;
  }
  const { ok, body } = await call("password/reset", { token, new_password: next.value });
  if (!ok) {
    refused(body);
    return;
  }
  form.remove();
  say(true, "The password is set. You can sign in with it now.");
}

async function confirmEmail() {
  const { ok, body } = await call("email/confirm", { token });
  if (!ok) {
    refused(body);
    return;
  }
  form.remove();
  say(true, "The address is confirmed.");
}

if (!token) {
  say(false, "This link is not whole: open it as it stands in the mail.");
} else {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.id === "password") {
      setPassword();
    } else {
      confirmEmail();
    }
  });
}
