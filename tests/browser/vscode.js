// What VS Code's webview does around its widget renderer: a kernel connection without a socket, that
// hands messages to the host (here the test) and takes the kernel's from it.
import {activate} from './ipywidgets.js';

const signal = {connect() {}, disconnect() {}};
const comms = new Map();
const futures = new Map();
const targets = new Map();
const sent = [];

class Comm {
  constructor(targetName, commId) {
    Object.assign(this, {targetName, commId, onMsg() {}, onClose() {}});
    comms.set(commId, this);
  }

  send(data) {
    const id = `front-end-${futures.size}`;
    const future = {msg: {header: {msg_id: id}}, onIOPub() {}, onReply() {}};
    futures.set(id, future);
    sent.push({id, content: {comm_id: this.commId, data}});
    return future;
  }
}

const kernel = {
  name: 'python3',
  statusChanged: signal,
  connectionStatusChanged: signal,
  iopubMessage: signal,
  unhandledMessage: signal,
  registerCommTarget: (name, open) => targets.set(name, open),
  createComm: (name, id) => new Comm(name, id),
  requestCommInfo: async () => ({content: {status: 'ok', comms: {}}}),
};

const asView = text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);

// Takes in what the kernel published because of a message of ours ('' for the cell's own).
async function deliver(id, messages) {
  for (const message of messages) {
    message.buffers = message.buffers.map(asView);
    const {comm_id: comm, target_name: target} = message.content;
    if (message.header.msg_type === 'comm_open') {
      await targets.get(target)(new Comm(target, comm), message);
    } else if (message.header.msg_type === 'comm_msg') {
      await comms.get(comm).onMsg(message);
    } else {
      futures.get(id)?.onIOPub(message);
    }
  }
}

activate();
window.vscIPyWidgets8.load();
const place = document.querySelector('#output');
const loaded = [];
const scripts = {
  widgetsRegisteredInRequireJs: new Set(),
  loadWidgetScript: async name => { throw new Error(`${name} would come from the network`); },
  successHandler: (name, module) => loaded.push(module),
  errorHandler: (name, module) => loaded.push(`${module} failed`),
};
const manager = new window.vscIPyWidgets.WidgetManager(kernel, place, scripts, () => {});

async function show(id) {
  const view = await manager.create_view(await manager.get_model(id), {el: place});
  await manager.display_view({}, view, {node: place});
}

window.vscode = {deliver, loaded, show, sent, take: () => sent.splice(0)};
