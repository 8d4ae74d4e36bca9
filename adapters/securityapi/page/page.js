// Shows an OpenAPI document: the calls by tag, folded, with a search and a form that sends a call.
const users = new URLSearchParams(location.search).get("api") === "users";
const main = document.getElementById("document");

/** el makes an element; strings become text. */
function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return e;
}

/** inline renders `code` and **bold** of a text. */
function inline(text) {
  return text.split(/(`[^`]*`|\*\*[^*]*\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 1) return el("code", {}, part.slice(1, -1));
    return part.startsWith("**") ? el("strong", {}, part.slice(2, -2)) : part;
  });
}

/** prose renders paragraphs and tables. */
function prose(text = "") {
  return text.trim().split(/\n\s*\n/).filter(Boolean).map((block) => {
    const lines = block.split("\n").map((line) => line.trim());
    if (!lines[0].startsWith("|")) return el("p", {}, inline(lines.join(" ")));
    const cells = (line) => line.slice(1, -1).split("|").map((cell) => inline(cell.trim()));
    return table(cells(lines[0]), lines.slice(2).map(cells));
  });
}

function table(heads, rows) {
  const head = el("tr", {}, heads.map((cell) => el("th", { scope: "col" }, cell)));
  const body = rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell))));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

/** rangeOf describes the limits of a length or a number. */
function rangeOf(s) {
  const least = s.minLength ?? s.minimum;
  const most = s.maxLength ?? s.maximum;
  const last = most ?? least;
  if (last === undefined) return "";
  const unit = s.type === "string" ? ` character${last === 1 ? "" : "s"}` : "";
  if (most === undefined) return `, at least ${least}${unit}`;
  return `, ${least === undefined ? "at most" : `${least} to`} ${most}${unit}`;
}

const json = (value) => JSON.stringify(value, null, 2);
const block = (text) => el("pre", { tabindex: "0" }, text);

function show(api) {
  const at = (ref) => ref.slice(2).split("/").reduce((o, key) => o[key.replace(/~1/g, "/")], api);
  const deref = (o) => (o?.$ref ? deref(at(o.$ref)) : o);

  function typeOf(schema) {
    const s = deref(schema) ?? {};
    const several = s.oneOf ?? s.anyOf ?? s.allOf;
    if (several) return several.map(typeOf).join(" or ");
    if (s.type === "array") return `list of ${typeOf(s.items)}`;
    const values = s.enum ? `: ${s.enum.filter((v) => v !== null).join(", ")}` : "";
    return `${s.type ?? "any"}${s.format ? ` (${s.format})` : ""}${rangeOf(s)}${values}${s.nullable ? " or null" : ""}`;
  }

  function members(schema, depth = 0, prefix = "") {
    const s = deref(schema) ?? {};
    if (s.type === "array" && depth < 3) return members(s.items, depth + 1, `${prefix}[].`);
    return Object.entries(s.properties ?? {}).flatMap(([name, property]) => {
      const p = deref(property);
      const required = s.required?.includes(name) ? " (required)" : "";
      const row = [[el("code", {}, prefix + name), required], typeOf(p), inline(p.description ?? "")];
      return [row, ...(depth < 3 ? members(p, depth + 1, `${prefix}${name}.`) : [])];
    });
  }

  function exampleOf(media) {
    const schema = deref(media.schema);
    return media.example ?? schema?.example;
  }

  function bodyOf(operation) {
    const body = deref(operation.requestBody);
    const [kind, media] = Object.entries(body?.content ?? {})[0] ?? [];
    return media && { kind, media, example: exampleOf(media), required: body.required };
  }

  function requestOf(operation, parameters) {
    const rows = parameters.map((p) => [[el("code", {}, p.name), p.required ? " (required)" : ""],
      `${p.in}, ${typeOf(p.schema)}`, inline(p.description ?? "")]);
    const body = bodyOf(operation);
    const fields = body ? members(body.media.schema) : [];
    return [
      rows.length > 0 && [el("h4", {}, "Parameters"), table(["Name", "Type", "Description"], rows)],
      body && [el("h4", {}, `Body (${body.kind}${body.required ? "" : ", optional"})`),
        fields.length > 0 && table(["Member", "Type", "Description"], fields)],
    ].flat(2).filter(Boolean);
  }

  function responsesOf(operation) {
    return Object.entries(operation.responses).flatMap(([status, response]) => {
      const r = deref(response);
      const media = Object.values(r.content ?? {})[0];
      const good = status < "400";
      const rows = good && media ? members(media.schema) : [];
      const example = good && media ? exampleOf(media) : undefined;
      return [
        el("p", {}, el("strong", {}, status), " ", ...inline(r.description)),
        rows.length > 0 && table(["Member", "Type", "Description"], rows),
        example !== undefined && block(json(example)),
      ].filter(Boolean);
    });
  }

  function formOf(method, path, operation, parameters) {
    const inputs = parameters.filter((p) => p.in !== "cookie").map((p) => {
      const input = el("input", { value: p.required ? p.example ?? "" : "" });
      return { p, input, label: el("label", {}, p.name, input) };
    });
    const body = bodyOf(operation);
    const area = body && el("textarea", { rows: "6" });
    if (area) area.value = body.example === undefined ? "" : json(body.example);
    const answer = el("pre", { tabindex: "0", role: "status", "aria-label": "Response", hidden: "" });
    const form = el("form", {}, inputs.map((i) => i.label), area && el("label", {}, "Body", area),
      el("button", {}, "Send"), answer);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      answer.hidden = false;
      answer.textContent = "Waiting …";
      answer.textContent = await send(method, path, inputs, body?.kind, area?.value);
    });
    return form;
  }

  async function send(method, path, inputs, kind, body) {
    const query = new URLSearchParams();
    const headers = {};
    const token = document.getElementById("token").value;
    if (token) headers.Authorization = `Bearer ${token}`;
    for (const { p, input } of inputs.filter((i) => i.input.value !== "")) {
      if (p.in === "path") path = path.replace(`{${p.name}}`, encodeURIComponent(input.value));
      else if (p.in === "header") headers[p.name] = input.value;
      else query.append(p.name, input.value);
    }
    if (body) headers["Content-Type"] = kind;
    try {
      const address = api.servers[0].url + path + (query.size > 0 ? `?${query}` : "");
      const response = await fetch(address, { method, headers, body: body || undefined, redirect: "manual" });
      const text = await response.text();
      const isJSON = response.headers.get("content-type")?.startsWith("application/json");
      return `${response.status}\n\n${isJSON ? json(JSON.parse(text)) : text}`;
    } catch (error) {
      return String(error);
    }
  }

  function operationOf(method, path, item) {
    const operation = item[method];
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(deref);
    const details = el("details", { id: operation.operationId },
      el("summary", {}, el("h3", {}, el("span", { class: "method" }, method), path, " ",
        el("span", { class: "quiet" }, operation.summary))));
    details.addEventListener("toggle", () => { // built when it is opened
      if (!details.open || details.children.length > 1) return;
      const access = operation["x-access"];
      details.append(...prose(operation.description), access ? el("p", { class: "quiet" }, `Access: ${access}`) : "",
        ...requestOf(operation, parameters), el("h4", {}, "Responses"), ...responsesOf(operation),
        el("h4", {}, "Send"), formOf(method, path, operation, parameters));
    });
    const words = [method, path, operation.operationId, operation.summary, operation.description].join(" ");
    return { details, tag: operation.tags[0], words: words.toLowerCase() };
  }

  const verbs = ["get", "post", "put", "patch", "delete"];
  const calls = Object.entries(api.paths).flatMap(([path, item]) =>
    verbs.filter((verb) => item[verb]).map((verb) => operationOf(verb, path, item)));
  const groups = api.tags.map((tag) => {
    const own = calls.filter((call) => call.tag === tag.name);
    const details = el("details", {}, el("summary", {}, el("h2", {}, tag.name, " ",
      el("span", { class: "quiet" }, `${own.length} ${own.length === 1 ? "call" : "calls"}. ${tag.description ?? ""}`))),
      own.map((call) => call.details));
    return { details, own };
  }).filter((group) => group.own.length > 0);
  main.replaceChildren(el("h1", {}, api.info.title),
    el("details", {}, el("summary", {}, el("h2", {}, "Conventions")), prose(api.info.description)),
    ...groups.map((group) => group.details));

  document.getElementById("search").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { details, own } of groups) {
      let found = 0;
      for (const call of own) {
        call.details.hidden = !wanted.every((word) => call.words.includes(word));
        found += call.details.hidden ? 0 : 1;
      }
      details.hidden = found === 0;
      details.open = wanted.length > 0 && found > 0;
    }
  });
  const linked = calls.find((call) => call.details.id === location.hash.slice(1))?.details;
  if (linked) {
    linked.open = linked.parentElement.open = true;
    linked.scrollIntoView();
  }
}

document.getElementById("tools").addEventListener("submit", (event) => event.preventDefault());
document.querySelectorAll("nav a")[users ? 1 : 0].setAttribute("aria-current", "page");
try {
  const response = await fetch(users ? "/openapi-users.json" : "/openapi.json");
  if (!response.ok) throw new Error(`The document cannot be read: ${response.status}`);
  show(await response.json());
} catch (error) {
  main.replaceChildren(el("p", { role: "alert" }, String(error)));
}
