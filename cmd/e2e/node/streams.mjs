// Asks for streams with the providers' own JavaScript SDKs and prints what came of each, as JSON.
//
//   node streams.mjs BASE_URL ANSWER...
//
// Each ANSWER is asked of every API, by way of the model's name.
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

const [base, ...answers] = process.argv.slice(2);
const anthropic = new Anthropic({ baseURL: base, apiKey: 'test-key', maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: 'test-key', maxRetries: 0 });
const google = new GoogleGenAI({ apiKey: 'test-key', httpOptions: { baseUrl: base } });
const content = 'count to three';

const apis = {
  async *messages(model) {
    const messages = [{ role: 'user', content }];
    for await (const event of await anthropic.messages.create({ model, max_tokens: 9, messages, stream: true })) {
      yield event.delta?.text;
    }
  },
  async *chat(model) {
    const messages = [{ role: 'user', content }];
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) {
      yield chunk.choices[0]?.delta.content;
    }
  },
  async *responses(model) {
    for await (const event of await openai.responses.create({ model, input: content, stream: true })) {
      if (event.type === 'response.output_text.delta') yield event.delta;
    }
  },
  async *gemini(model) {
    for await (const chunk of await google.models.generateContentStream({ model, contents: content })) {
      yield chunk.text;
    }
  },
};

const results = [];
for (const [api, ask] of Object.entries(apis)) {
  for (const answer of answers) {
    const result = { api, answer, text: '', error: '' };
    try {
      for await (const word of ask(answer)) result.text += word ?? '';
    } catch (error) {
      result.error = `${error.name}: ${error.message}`;
    }
    results.push(result);
  }
}
console.log(JSON.stringify(results));
