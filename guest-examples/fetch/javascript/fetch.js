// An activity that gets a page over HTTP and keeps it in a folder.
//
// It has only what the operator grants it: the page's host, a folder that it calls /pages, and the variable API_TOKEN, if the page asks for one.
import { getEnvironment } from "wasi:cli/environment@0.2.12";
import { getDirectories } from "wasi:filesystem/preopens@0.2.12";
import { application } from "sandglass:workflow/failures@0.1.0";
import * as log from "sandglass:workflow/log@0.1.0";

const BODY_BYTES_MAX = 1024 * 1024;

export async function run([payload]) {
  const { url, name } = JSON.parse(payload.val);
  const { status, body } = await get(url);
  // Tried again, as the retry policy says.
  if (status >= 500) throw application(`status ${status}`, "ServerError", false);
  keep(name, body);
  log.info(`kept ${body.length} bytes of ${url}`);
  return { tag: "json", val: JSON.stringify({ status, bytes: body.length }) };
}

async function get(url) {
  const token = getEnvironment().find(([name]) => name === "API_TOKEN")?.[1];
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    // The standard has one error for all that can go wrong: it may go better the next time.
    throw application(`the page cannot be had: ${error.message}`, "NotGot", false);
  }
  const body = new Uint8Array(await response.arrayBuffer());
  if (body.length > BODY_BYTES_MAX) throw application("the page is too large", "TooLarge", true);
  return { status: response.status, body };
}

function keep(name, body) {
  const [pages] = getDirectories().find(([, path]) => path === "/pages") ?? [];
  if (pages === undefined) throw application("there is no folder /pages", "NotKept", true);
  try {
    const file = pages.openAt({}, name, { create: true, truncate: true }, { write: true });
    file.write(body, 0n);
  } catch (error) {
    throw application(`/pages/${name} cannot be written: ${error.payload ?? error}`, "NotKept", true);
  }
}
