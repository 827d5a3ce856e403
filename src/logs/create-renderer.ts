/**
 * The words of a log: one renderer for each kind of format.
 */
import { assertNever } from "../mail/assert-never.ts";
import type { LogFormat } from "../mail/log-definition.ts";
import { createJsonRenderer } from "./json/json-renderer.ts";
import type { LogRenderer, RendererTools } from "./log-renderer.ts";
import { createMomentumRenderer } from "./momentum/momentum-renderer.ts";
import { createPostfixRenderer } from "./postfix/postfix-renderer.ts";
import { createAccountingRenderer } from "./powermta/accounting-renderer.ts";
import { createSendmailRenderer } from "./sendmail/sendmail-renderer.ts";
import { createTemplateRenderer } from "./template/template-renderer.ts";

export function createRenderer(format: LogFormat, tools: RendererTools): LogRenderer {
  switch (format.kind) {
    case "json":
      return createJsonRenderer(format);
    case "postfix":
      return createPostfixRenderer(format);
    case "sendmail":
      return createSendmailRenderer(format);
    case "momentum-main":
    case "momentum-reject":
    case "momentum-bounce":
      return createMomentumRenderer(format);
    case "template":
      return createTemplateRenderer(format, tools);
    case "accounting":
      return createAccountingRenderer(format);
    default:
      return assertNever(format);
  }
}
