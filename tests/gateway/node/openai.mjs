// OpenAI's own client for Node before the gateway: node openai.mjs URL. Prints what it got, as JSON.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "any", maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const schema = {
  type: "object",
  properties: { at: { type: "string" } },
  required: ["at"],
  additionalProperties: false,
};
const look = { name: "look", description: "Looks somewhere.", parameters: schema, strict: true };
const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
};
const failure = async (call) => {
  try {
    await call();
    return null;
  } catch (error) {
    return { status: error.status ?? null, param: error.param ?? null, message: error.message };
  }
};

async function chat() {
  const create = (more) => client.chat.completions.create({ model: "auto", ...more });
  const text = await create({ messages: [user("hi")] });
  let streamed = "";
  for await (const chunk of await create({ messages: [user("hi")], stream: true }))
    streamed += chunk.choices[0]?.delta?.content ?? "";
  const messages = [user("Refactor and debug this distributed architecture step by step.")];
  const tools = [{ type: "function", function: look }];
  let answer;
  for (let turn = 0; turn < 2; turn++) {
    const stream = client.chat.completions.stream({ model: "auto", messages, tools });
    answer = (await stream.finalChatCompletion()).choices[0].message;
    messages.push(answer);
    for (const call of answer.tool_calls ?? [])
      messages.push({ role: "tool", tool_call_id: call.id, content: "blue" });
  }
  const response_format = { type: "json_schema", json_schema: { name: "person", schema: person } };
  const object = await create({ messages: [user("Who?")], response_format });
  return {
    text: text.choices[0].message.content,
    streamed,
    loop: answer.content,
    object: JSON.parse(object.choices[0].message.content),
    refused: await failure(() => create({ messages: [user("hi")], n: 2 })),
    broken: await failure(async () => {
      for await (const _ of await create({ model: "frontier", messages: [user("BREAK")], stream: true }));
    }),
  };
}

async function responses() {
  const create = (more) => client.responses.create({ model: "auto", ...more });
  const text = await create({ input: "hi" });
  let streamed = "";
  for await (const event of await create({ input: "hi", stream: true }))
    if (event.type === "response.output_text.delta") streamed += event.delta;
  const input = [user("Refactor and debug this distributed architecture step by step.")];
  const tools = [{ type: "function", ...look }];
  let answer;
  for (let turn = 0; turn < 2; turn++) {
    answer = await client.responses.stream({ model: "auto", input, tools }).finalResponse();
    input.push(...answer.output);
    for (const item of answer.output)
      if (item.type === "function_call")
        input.push({ type: "function_call_output", call_id: item.call_id, output: "blue" });
  }
  const format = { type: "json_schema", name: "person", schema: person };
  const object = await create({ input: "Who?", text: { format } });
  return {
    text: text.output_text,
    streamed,
    loop: answer.output.at(-1).content?.[0].text,
    object: JSON.parse(object.output_text),
    refused: await failure(() => create({ input: "hi", previous_response_id: "resp_1" })),
    broken: await failure(async () => {
      for await (const event of await create({ model: "frontier", input: "BREAK", stream: true }))
        if (event.type === "error") throw Object.assign(new Error(event.message), event);
    }),
  };
}

console.log(JSON.stringify({ chat: await chat(), responses: await responses() }));
