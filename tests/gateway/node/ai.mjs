// The Vercel AI SDK before the gateway, by both of OpenAI's APIs: node ai.mjs URL. Prints JSON.
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const openai = createOpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "any" });
const hard = "Refactor and debug this distributed architecture step by step.";
const tools = {
  look: tool({
    description: "Looks somewhere.",
    inputSchema: z.object({ at: z.string() }),
    execute: async ({ at }) => (at === "sky" ? "blue" : "nothing"),
  }),
};
const schema = z.object({ name: z.string(), age: z.number() });
const failure = async (call) => {
  try {
    await call();
    return null;
  } catch (error) {
    return { status: error.statusCode ?? null, message: String(error.message ?? error) };
  }
};

async function all(model, options) {
  const given = { maxRetries: 0, providerOptions: { openai: options } };
  const auto = model("auto");
  const text = await generateText({ model: auto, prompt: "hi", ...given });
  let streamed = "";
  const stream = streamText({ model: auto, prompt: "hi", ...given });
  for await (const part of stream.textStream) streamed += part;
  const loop = await generateText({ model: auto, prompt: hard, tools, stopWhen: stepCountIs(2), ...given });
  const live = streamText({ model: auto, prompt: hard, tools, stopWhen: stepCountIs(2), ...given });
  let looped = "";
  for await (const part of live.textStream) looped += part;
  const object = await generateObject({ model: auto, prompt: "Who?", schema, ...given });
  return {
    text: text.text,
    usage: [text.usage.inputTokens, text.usage.outputTokens],
    streamed,
    streamedUsage: [(await stream.usage).inputTokens, (await stream.usage).outputTokens],
    loop: loop.text,
    steps: loop.steps.length,
    looped,
    object: object.object,
    refused: await failure(() => generateText({ model: model("gpt-9"), prompt: "hi", ...given })),
    broken: await failure(async () => {
      const broken = streamText({ model: model("frontier"), prompt: "BREAK", onError: () => {}, ...given });
      for await (const part of broken.fullStream) if (part.type === "error") throw part.error;
    }),
  };
}

const result = {
  chat: await all((name) => openai.chat(name), {}),
  responses: await all((name) => openai.responses(name), { store: false }),
};
console.log(JSON.stringify(result));
