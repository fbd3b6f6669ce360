// A coordinator that asks agents by way of the A2A project's own JavaScript SDK: it reads each agent's
// card and follows the URL in it. It prints what came of each question, as JSON.
//
//   node coordinate.mjs BASE_URL AGENTS QUESTIONS
//
// Agent N is at BASE_URL/u/worker-N/. Every other question is asked for a streamed answer.
import { Role } from '@a2a-js/sdk';
import { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory } from '@a2a-js/sdk/client';

const [base, agents, questions] = process.argv.slice(2);
const legacyCompat = { enabled: true }; // the agents speak version 0.3
const cards = new DefaultAgentCardResolver({ legacyCompat });
const factory = new ClientFactory({ cardResolver: cards, transports: [new JsonRpcTransportFactory({ legacyCompat })] });

const textOf = (message) => message.parts.map((part) => part.content.value).join('');

async function ask(i) {
  const result = { question: `node question ${i}`, agent: `worker-${(i % agents) + 1}`, url: '', answer: '', error: '' };
  try {
    const card = await cards.resolve(`${base}/u/${result.agent}/`);
    result.url = card.supportedInterfaces[0].url;
    const client = await factory.createFromAgentCard(card);
    const parts = [{ content: { $case: 'text', value: result.question } }];
    const message = { messageId: `m-${i}`, role: Role.ROLE_USER, parts, extensions: [], referenceTaskIds: [] };
    if (i % 2) {
      for await (const event of client.sendMessageStream({ message })) {
        if (event.payload?.$case === 'message') result.answer += textOf(event.payload.value);
      }
    } else {
      result.answer = textOf(await client.sendMessage({ message }));
    }
  } catch (error) {
    result.error = `${error.name}: ${error.message} ${error.cause ?? ''}`;
  }
  return result;
}

console.log(JSON.stringify(await Promise.all(Array.from({ length: Number(questions) }, (_, i) => ask(i)))));
