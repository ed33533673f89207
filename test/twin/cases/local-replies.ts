import type { Area } from '../case.ts';

const CONFIG = `
  validate_clusters: false
  virtual_hosts:
    - name: all
      domains: ['*']
      routes:
        - { match: { prefix: /none }, route: { cluster: absent } }
        - { match: { prefix: /empty }, route: { cluster: empty } }
        - { match: { prefix: /refused }, route: { cluster: refused } }
        - { match: { prefix: /teapot }, direct_response: { status: 418, body: { inline_string: I am a route } } }
        - { match: { prefix: /moved }, redirect: { path_redirect: /there } }
        - match: { prefix: /own }
          direct_response: { status: 418, body: { inline_string: own } }
          response_headers_to_add: [{ header: { key: x-route, value: r } }]
        - { match: { path: /one }, route: { cluster: one } }`;

/** `local_reply_config`: what becomes of the answers that no service gave. */
export const localReplies: Area = {
  area: 'local-replies',
  cases: [
    {
      name: 'a mapper by status: another status, body and headers',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 503, runtime_key: a } } } }
              status_code: 504
              body: { inline_string: mapped }
              headers_to_add: [{ header: { key: x-mapped, value: '%RESPONSE_CODE%' } }]`,
      requests: [
        'GET /none -> 504 "mapped" {content-length: 6}',
        'GET /empty -> 504 UH "mapped"',
        'GET /teapot -> 418 "I am a route" {!x-mapped}',
        'GET /missing -> 404 NR ""',
        { line: 'GET /one -> 503 one "its own"', answer: { status: 503, body: 'its own' } },
        'HEAD /none -> 504 ""',
      ],
    },
    {
      name: 'the first mapper that matches counts',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: GE, value: { default_value: 500, runtime_key: a } } } }
              body: { inline_string: five }
            - filter: { status_code_filter: { comparison: { op: GE, value: { default_value: 400, runtime_key: a } } } }
              body: { inline_string: four }
            - filter: { status_code_filter: { comparison: { op: LE, value: { default_value: 399, runtime_key: a } } } }
              body: { inline_string: three }`,
      requests: [
        'GET /none -> 503 "five"',
        'GET /missing -> 404 "four"',
        'GET /teapot -> 418 "four"',
        'GET /moved -> 301 "three" {location: http://shop/there}',
      ],
    },
    {
      name: 'a mapper by response flag',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - { filter: { response_flag_filter: { flags: [NR] } }, status_code: 410 }
            - { filter: { response_flag_filter: { flags: [UH, UF] } }, body: { inline_string: nobody } }
            - { filter: { response_flag_filter: {} }, body: { inline_string: some flag } }`,
      requests: [
        'GET /missing -> 410 NR ""',
        'GET /empty -> 503 UH "nobody"',
        'GET /refused -> 503 UF "nobody"',
        'GET /none -> 503 NC "some flag"',
        'GET /teapot -> 418 "I am a route"',
      ],
    },
    {
      name: 'a mapper by a header of the request',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { header_filter: { header: { name: x-who, string_match: { prefix: al } } } }
              body: { inline_string: for alice }
            - filter: { header_filter: { header: { name: accept, present_match: true, invert_match: true } } }
              body: { inline_string: for nobody }`,
      requests: [
        'GET /none [x-who: alice] [accept: a] -> 503 "for alice"',
        'GET /none [accept: a] -> 503 ""',
        'GET /none -> 503 "for nobody"',
      ],
    },
    {
      name: 'mappers joined by and, and by or',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter:
                and_filter:
                  filters:
                    - { status_code_filter: { comparison: { op: EQ, value: { default_value: 503, runtime_key: a } } } }
                    - { header_filter: { header: { name: x-a, present_match: true } } }
              body: { inline_string: both }
            - filter:
                or_filter:
                  filters:
                    - { status_code_filter: { comparison: { op: EQ, value: { default_value: 404, runtime_key: a } } } }
                    - { header_filter: { header: { name: x-b, present_match: true } } }
              body: { inline_string: either }`,
      requests: [
        'GET /none [x-a: 1] -> 503 "both"',
        'GET /none [x-b: 1] -> 503 "either"',
        'GET /missing -> 404 "either"',
        'GET /missing [x-a: 1] -> 404 "either"',
        'GET /teapot [x-a: 1] -> 418 "I am a route"',
      ],
    },
    {
      name: 'a comparison for all but one',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: NE, value: { default_value: 404, runtime_key: a } } } }
              body: { inline_string: no 404 }`,
      requests: ['GET /none -> 503 "no 404"', 'GET /missing -> 404 ""', 'GET /teapot -> 418 "no 404"'],
    },
    {
      name: 'a runtime share, all or nothing',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { runtime_filter: { runtime_key: a.b, percent_sampled: { numerator: 0 } } }
              body: { inline_string: never }
            - filter: { runtime_filter: { runtime_key: a.b, percent_sampled: { numerator: 100 } } }
              body: { inline_string: always }`,
      requests: ['GET /none -> 503 "always"', 'GET /missing -> 404 "always"'],
    },
    {
      name: 'body_format: text',
      config: CONFIG,
      manager: `
        local_reply_config:
          body_format:
            text_format_source: { inline_string: "%LOCAL_REPLY_BODY%|%RESPONSE_CODE%|%REQ(:path)%|%RESPONSE_FLAGS%\\n" }`,
      requests: [
        'GET /teapot?a -> 418 "I am a route|418|/teapot?a|-\\n" {content-type: text/plain}',
        'GET /missing -> 404 "|404|/missing|NR\\n"',
        'GET /moved -> 301 "|301|/moved|-\\n"',
        'GET /none -> 503 NC',
        'HEAD /missing -> 404 ""',
      ],
    },
    {
      name: 'body_format: JSON, with a type of its own',
      config: CONFIG,
      manager: `
        local_reply_config:
          body_format:
            json_format: { status: '%RESPONSE_CODE%', message: '%LOCAL_REPLY_BODY%', path: '%REQ(:path)%' }
            content_type: application/problem+json`,
      requests: ['GET /teapot -> 418 {content-type: application/problem+json}', 'GET /missing -> 404 NR'],
    },
    {
      name: 'body_format: JSON, with its default type',
      config: CONFIG,
      manager: 'local_reply_config: { body_format: { json_format: { code: "%RESPONSE_CODE%" } } }',
      requests: ['GET /teapot -> 418 {content-type: application/json}'],
    },
    {
      name: 'a mapper’s own format comes before that of all, and sees its status and body',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 418, runtime_key: a } } } }
              status_code: 419
              body: { inline_string: new }
              body_format_override: { json_format: { body: '%LOCAL_REPLY_BODY%', code: '%RESPONSE_CODE%' } }
            - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 404, runtime_key: a } } } }
              body: { inline_string: not here }
          body_format: { text_format_source: { inline_string: 'all: %LOCAL_REPLY_BODY%' } }`,
      requests: ['GET /teapot -> 419', 'GET /missing -> 404 "all: not here"', 'GET /none -> 503'],
    },
    {
      name: 'a mapper’s header may be the type of the body',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: GE, value: { default_value: 400, runtime_key: a } } } }
              body: { inline_string: <p>no</p> }
              headers_to_add:
                - { header: { key: content-type, value: text/html }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }
                - { header: { key: x-path, value: '%REQ(:path)%' } }`,
      requests: ['GET /teapot -> 418 "<p>no</p>" {content-type: text/html} {x-path: /teapot}', 'GET /missing -> 404'],
    },
    {
      name: 'gRPC calls hear of it in their own way',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 404, runtime_key: a } } } }
              status_code: 429
              body: { inline_string: slow down }
            - filter: { grpc_status_filter: { statuses: [UNAVAILABLE] } }
              body: { inline_string: away }`,
      requests: [
        'POST /missing [content-type: application/grpc] "x" -> 200 {grpc-message: slow down}',
        'POST /none [content-type: application/grpc] "x" -> 200 {grpc-message: away}',
      ],
    },
    {
      name: 'what the route does to headers is done as well',
      config: CONFIG,
      manager: `
        local_reply_config:
          mappers:
            - filter: { status_code_filter: { comparison: { op: EQ, value: { default_value: 418, runtime_key: a } } } }
              headers_to_add: [{ header: { key: x-mapper, value: m } }]`,
      requests: ['GET /own -> 418 "own" {x-mapper: m} {x-route: r}'],
    },
    {
      name: 'a mapper without a filter is refused',
      config: CONFIG,
      manager: 'local_reply_config: { mappers: [{ status_code: 500 }] }',
      requests: [],
      refused: 'filter',
    },
    {
      name: 'a format that is none is refused',
      config: CONFIG,
      manager: "local_reply_config: { body_format: { text_format_source: { inline_string: '%NONE(' } } }",
      requests: [],
      refused: 'body_format',
    },
  ],
};
