/**
 * From the items of all files to one `Model`: includes followed, scopes merged, each in a place where it may stand.
 */
import { Container, ListenerStanza, type Model, type ModuleStanza, Stanza } from "./model.ts";
import type { FileRef, Notes, Position } from "./notes.ts";
import type { ScopeName } from "./option-types.ts";
import { maxDepth } from "./parse.ts";
import type { ConfigurationFiles, OpenFile } from "./read-files.ts";
import { readOption, scopeTitle } from "./read-option.ts";
import { readOtherStanza } from "./read-other-stanza.ts";
import { socketKey } from "./socket-names.ts";
import { StanzaNames } from "./stanza-names.ts";
import type { Item, Option, Scope, Word } from "./syntax.ts";

/** Where the reader is. */
type Context = Readonly<{
  name: ScopeName;
  /** The scope in words; `global` for none. */
  words: string;
  depth: number;
  stanza: Stanza;
  container?: Container;
  /** The group that a binding in it belongs to. */
  group?: string;
  listener?: ListenerStanza;
  /** Checked, but without effect: the stanza above has said so. */
  quiet?: true;
}>;

type OpenBinding = { name: string; container: Container; group: string | undefined };

const listenerNames = ["esmtp_listener", "http_listener", "ecstream_listener", "xmpp_listener"] as const;
export function readScopes(main: OpenFile, files: ConfigurationFiles, notes: Notes): Model {
  return new ScopeReader(main.file, files, notes).read(main);
}

class ScopeReader {
  readonly #files: ConfigurationFiles;
  readonly #notes: Notes;
  readonly #names: StanzaNames;
  readonly #global: Container;
  readonly #groups = new Map<string, Container>();
  readonly #bindings = new Map<string, OpenBinding>();
  readonly #pathways = new Map<string, Stanza>();
  readonly #modules: ModuleStanza[] = [];
  #smtpListener: ListenerStanza | undefined;
  #localChanges: Readonly<{ target: Word; at: Position }> | undefined;
  #stanzas = 0;

  constructor(file: FileRef, files: ConfigurationFiles, notes: Notes) {
    this.#files = files;
    this.#notes = notes;
    this.#names = new StanzaNames(notes, () => this.#id());
    this.#global = new Container("global", { file, line: 1, column: 1 }, 0);
  }

  read(main: OpenFile): Model {
    const context: Context = {
      name: "global",
      words: "global",
      depth: 0,
      stanza: this.#global,
      container: this.#global,
    };
    this.#items(main, context);
    const changes = this.#localChanges;
    if (changes !== undefined) {
      for (const opened of this.#files.openLocalChanges(changes.target, changes.at)) this.#items(opened, context);
    }
    const bindings = [...this.#bindings.values()].map(
      ({ name, container, group }) => [name, { name, container, group: group ?? "default" }] as const,
    );
    return {
      global: this.#global,
      groups: this.#groups,
      bindings: new Map(bindings),
      smtpListener: this.#smtpListener,
      pathways: this.#pathways,
      modules: this.#modules,
    };
  }

  #items({ items, file }: Readonly<{ items: readonly Item[]; file: FileRef }>, context: Context): void {
    for (const item of items) {
      if (item.kind === "option") this.#option(item, file, context);
      else if (item.kind === "scope") this.#scope(item, file, context);
      else for (const opened of this.#files.include(item, file)) this.#items(opened, context);
    }
  }

  #scope(scope: Scope, file: FileRef, context: Context): void {
    const name = scope.name.toLowerCase();
    const at: Position = { file, line: scope.line, column: scope.column };
    if (context.depth >= maxDepth) {
      this.#notes.add("error", at, "scopes stand in each other too deep", "remove an include or a scope");
      return;
    }
    const inner = this.#enter(name, scope.instance, at, context);
    if (inner === "not-ours") {
      const found = readOtherStanza(name, scope, at, context, this.#files, this.#notes);
      if (found !== undefined) this.#modules.push(found);
    } else if (inner !== "refused") {
      this.#items({ items: scope.items, file }, inner);
      if (name === "domain" || name === "host") this.#names.checkMeaning(inner, scope.instance?.text ?? "", at);
    }
  }

  /** The context inside the scope; `refused` where a note has said why there is none. */
  #enter(name: string, instance: Word | undefined, at: Position, context: Context): Context | "not-ours" | "refused" {
    switch (name) {
      case "binding_group":
      case "binding":
        return context.name === "global" || (name === "binding" && context.name === "binding_group")
          ? this.#named(name, instance, at, context, (text) => this.#bindingOrGroup(name, text, at, context))
          : this.#misplaced(name, at, context);
      case "domain":
      case "host":
        return this.#named(name, instance, at, context, (text) => this.#domainOrHost(name, text, at, context));
      case "esmtp_listener":
      case "http_listener":
      case "ecstream_listener":
      case "xmpp_listener":
        return context.name === "global" ? this.#listener(name, at, context) : this.#misplaced(name, at, context);
      case "listen":
      case "peer":
        return this.#named(name, instance, at, context, (text) => this.#listenOrPeer(name, text, at, context));
      case "pathway":
      case "pathway_group":
        return context.name === "global" || (name === "pathway" && context.name === "pathway_group")
          ? this.#named(name, instance, at, context, (text) => this.#pathway(name, text, at, context))
          : this.#misplaced(name, at, context);
      default:
        return "not-ours";
    }
  }

  #named(
    name: string,
    instance: Word | undefined,
    at: Position,
    context: Context,
    enter: (text: string) => Context | undefined,
  ): Context | "refused" {
    if (instance !== undefined) return enter(instance.text) ?? this.#misplaced(name, at, context);
    this.#notes.add("error", at, `${name} without a name`, `write ${name} "name" { ... }`);
    return "refused";
  }

  #misplaced(name: string, at: Position, context: Context): "refused" {
    const text = `'${name}' is not a valid scope name in scope '${scopeTitle(context.name)}' (${context.words})`;
    this.#notes.add("error", at, text, "move it where it belongs");
    return "refused";
  }

  #option(option: Option, file: FileRef, context: Context): void {
    const setting = readOption(option, file, context, this.#notes);
    if (setting === undefined) return;
    context.stanza.settings.set(setting);
    const { name, value } = setting;
    if (name === "local_changes_file" && value.kind === "word")
      this.#localChanges = { target: value.word, at: setting };
  }

  #id(): number {
    this.#stanzas += 1;
    return this.#stanzas;
  }

  #bindingOrGroup(name: "binding" | "binding_group", text: string, at: Position, context: Context): Context {
    const words = `${name.replace("_", " ")} ${text}${within(context)}`;
    const depth = context.depth + 1;
    if (name === "binding_group") {
      const group = this.#groups.get(text) ?? new Container(words, at, this.#id());
      this.#groups.set(text, group);
      return { name, words, depth, stanza: group, container: group, group: text };
    }
    const binding = this.#binding(text, words, at, context.group);
    return { name, words, depth, stanza: binding.container, container: binding.container };
  }

  #binding(name: string, words: string, at: Position, group: string | undefined): OpenBinding {
    const known = this.#bindings.get(name) ?? { name, container: new Container(words, at, this.#id()), group };
    this.#bindings.set(name, known);
    if (known.group === undefined) known.group = group;
    else if (group !== undefined && known.group !== group) {
      const text = `binding ${name} is in the groups ${known.group} and ${group}`;
      this.#notes.add("error", at, text, "a binding belongs to one group: remove it from the other");
    }
    return known;
  }

  /** `undefined`: it may not stand here. */
  #domainOrHost(name: "domain" | "host", text: string, at: Position, context: Context): Context | undefined {
    const { container } = context;
    if (container === undefined) return undefined;
    const words = `${name} ${text}${within(context)}`;
    const stanza = this.#names.register(name === "domain" ? container.domains : container.hosts, text, words, at);
    return { name, words, depth: context.depth + 1, stanza };
  }

  #listener(name: (typeof listenerNames)[number], at: Position, context: Context): Context {
    const depth = context.depth + 1;
    if (name === "esmtp_listener") {
      this.#smtpListener ??= new ListenerStanza(name, at, this.#id());
      return { name, words: name, depth, stanza: this.#smtpListener, listener: this.#smtpListener };
    }
    this.#notes.add("no-effect", at, `${name}: Letterlock takes mail over SMTP alone`);
    const listener = new ListenerStanza(name, at, this.#id());
    return { name, words: name, depth, stanza: listener, listener, quiet: true };
  }

  #listenOrPeer(name: "listen" | "peer", text: string, at: Position, context: Context): Context | undefined {
    const { listener } = context;
    if (listener === undefined || (name === "listen" && context.name === "listen")) return undefined;
    const words = `${name} ${text}${within(context)}`;
    const key = socketKey(name, text);
    const shared = { words, depth: context.depth + 1, ...(context.quiet ? { quiet: true as const } : {}) };
    if (name === "peer") {
      const peer = listener.peers.get(key) ?? new Stanza(words, at, this.#id());
      listener.peers.set(key, peer);
      return { name, stanza: peer, ...shared };
    }
    const listen = listener.listens.get(key) ?? new ListenerStanza(words, at, this.#id());
    listener.listens.set(key, listen);
    return { name, stanza: listen, listener: listen, ...shared };
  }

  #pathway(name: "pathway" | "pathway_group", text: string, at: Position, context: Context): Context {
    const words = `${name.replace("_", " ")} ${text}${within(context)}`;
    const depth = context.depth + 1;
    if (name === "pathway_group") {
      // Options of listeners are not recognised here: the stanza is kept for its pathways alone.
      return { name, words, depth, stanza: new Stanza(words, at, this.#id()) };
    }
    const pathway = this.#pathways.get(text) ?? new Stanza(words, at, this.#id());
    this.#pathways.set(text, pathway);
    return { name, words, depth, stanza: pathway };
  }
}

function within({ name, words }: Context): string {
  return name === "global" ? "" : ` in ${words}`;
}
