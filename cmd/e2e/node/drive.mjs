// Sends one request with Anthropic's JavaScript SDK and prints what came of it as JSON.
//
//   node drive.mjs BASE_URL TEST_ID MODEL whole|stream|leave
import Anthropic from '@anthropic-ai/sdk';

const [baseURL, id, model, how] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey: 'test-key', maxRetries: 0 });
const question = { model, max_tokens: 100, messages: [{ role: 'user', content: 'count to three' }] };
const options = { headers: { 'Test-Id': id } };

async function whole() {
  const message = await client.messages.create(question, options);
  return { text: message.content[0].text, pieces: message.content.length };
}

async function stream() {
  let pieces = 0;
  const events = client.messages.stream(question, options).on('text', () => pieces++);
  const message = await events.finalMessage();
  return { text: message.content[0].text, pieces };
}

// leave aborts after the second word; the SDK then reports just that.
async function leave() {
  let pieces = 0;
  const events = client.messages.stream(question, options);
  events.on('text', () => ++pieces === 2 && events.abort());
  try {
    await events.finalMessage();
  } catch (error) {
    if (error instanceof Anthropic.APIUserAbortError) return { text: '', pieces };
    throw error;
  }
  throw new Error('the stream went on after it was aborted');
}

function describe(error) {
  if (error instanceof Anthropic.APIError && error.status && error.requestID) {
    return `${error.status} ${error.error?.error?.type}`;
  }
  return `${error.name}: ${error.message}`;
}

const result = await { whole, stream, leave }[how]().catch((error) => ({ error: describe(error) }));
console.log(JSON.stringify(result));
