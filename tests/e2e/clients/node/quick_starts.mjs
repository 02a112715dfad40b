// One call of each client's own quick start, with only address, key and model changed.
// https://github.com/openai/openai-node#usage
// https://ai-sdk.dev/providers/openai-compatible-providers
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const prompt = "What does a turbine do? Answer in one sentence.";

const starts = {
  "openai chat": async () => {
    const client = new OpenAI({ baseURL, apiKey });
    const messages = [{ role: "user", content: prompt }];
    const answer = await client.chat.completions.create({ model: "gpt-4o-mini", messages, max_tokens: 12 });
    return answer.choices[0].message.content;
  },
  "openai responses": async () => {
    const client = new OpenAI({ baseURL, apiKey });
    const answer = await client.responses.create({ model: "gpt-4o-mini", input: prompt, max_output_tokens: 12 });
    return answer.output_text;
  },
  "ai openai-compatible": async () => {
    const provider = createOpenAICompatible({ name: "headrace", baseURL, apiKey });
    const { text } = await generateText({ model: provider("gpt-4o-mini"), prompt, maxOutputTokens: 12 });
    return text;
  },
  "ai openai, streamed": async () => {
    const provider = createOpenAI({ baseURL, apiKey });
    const { textStream } = streamText({ model: provider.chat("gpt-4o-mini"), prompt, maxOutputTokens: 12 });
    let text = "";
    for await (const piece of textStream) text += piece;
    return text;
  },
  "ai openai responses": async () => {
    const provider = createOpenAI({ baseURL, apiKey });
    const { text } = await generateText({ model: provider("gpt-4o-mini"), prompt, maxOutputTokens: 12 });
    return text;
  },
};

const told = {};
for (const [name, start] of Object.entries(starts)) {
  try {
    told[name] = await start();
  } catch (error) {
    told[name] = { failed: String(error) };
  }
}
console.log(JSON.stringify(told));
