import type { Call } from '../call.ts';
import { compileBodyFormat } from '../format/body-format.ts';
import { type Shown, shownRequest } from '../format/shown.ts';
import { Headers } from '../headers.ts';
import type { LocalReply } from '../local-reply.ts';
import type { LocalReplyConfig, ReplyMapper } from '../model/connection-manager.ts';
import { compileHeaderMutations, type HeaderMutator } from '../router/header-mutation.ts';
import { compileReplyFilter, type ReplyFilterParts, type ReplyTest } from './reply-filter.ts';

/** Makes another local reply of one; `now`: milliseconds since the epoch. */
export type ReplyRewriter = (call: Call, reply: LocalReply, now: number) => LocalReply;

interface Mapper extends ReplyMapper {
  readonly test: ReplyTest;
  readonly mutate: HeaderMutator | null;
  readonly format: BodyMaker | null;
}

interface BodyMaker {
  readonly make: (shown: Shown) => string;
  readonly contentType: string;
}

/** The first mapper that matches, then the format of the body. (envoy: LocalReply::rewrite) */
export function compileLocalReplies(config: LocalReplyConfig, parts: ReplyFilterParts): ReplyRewriter {
  const mappers = config.mappers.map(
    (mapper): Mapper => ({
      ...mapper,
      test: compileReplyFilter(mapper.filter, parts),
      mutate: compileHeaderMutations({ add: mapper.headersToAdd, remove: [] }),
      format: formatOf(mapper.bodyFormat),
    }),
  );
  const always = formatOf(config.bodyFormat);
  return (call, reply, now) => {
    const mapper = mappers.find(({ test }) => test(call, reply.status)) ?? null;
    const format = mapper?.format ?? always;
    if (mapper === null && format === null) return reply;
    const headers = Headers.from([...(reply.headers ?? [])]);
    const localReplyBody = mapper?.body ?? Buffer.from(reply.body).toString();
    const shown = {
      ...shownRequest(call, now),
      status: reply.status,
      responseHeaders: headers,
      details: call.failure?.details ?? null,
      flags: call.failure?.flag ?? null,
      localReplyBody,
    };
    mapper?.mutate?.(headers, shown);
    const status = mapper?.status ?? reply.status;
    const text = format?.make({ ...shown, status }) ?? localReplyBody;
    return {
      ...reply,
      status,
      headers: headers.flat(),
      body: format === null && mapper?.body === null ? reply.body : Buffer.from(text),
      // A mapper's own header is the last word.
      contentType: headers.has('content-type') ? '' : (format?.contentType ?? reply.contentType) || 'text/plain',
    };
  };
}

function formatOf(format: ReplyMapper['bodyFormat']): BodyMaker | null {
  return format === null ? null : { make: compileBodyFormat(format), contentType: format.contentType };
}
