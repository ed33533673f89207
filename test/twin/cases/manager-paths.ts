import type { Area } from '../case.ts';

const ROUTES = `[{ match: { prefix: / }, route: { cluster: one } }]`;

/** What the connection manager makes of paths and authorities before routes see them. */
export const managerPaths: Area = {
  area: 'manager-paths',
  cases: [
    {
      name: 'paths stay as they are unless the feed says otherwise',
      routes: ROUTES,
      requests: [
        'GET /a/../b -> 200 one /a/../b',
        'GET //a//b/ -> 200 one //a//b/',
        'GET /a%2Fb%5cc -> 200 one /a%2Fb%5cc',
        'GET /%41%zz -> 200 one /%41%zz',
        'GET /a/./%2e%2e/b?c=/../d -> 200 one /a/./%2e%2e/b?c=/../d',
      ],
    },
    {
      name: 'normalize_path: dot segments',
      routes: ROUTES,
      manager: 'normalize_path: true',
      requests: [
        'GET /a/../b -> 200 one /b',
        'GET /a/./b -> 200 one /a/b',
        'GET /a/b/.. -> 200 one /a/',
        'GET /a/b/. -> 200 one /a/b/',
        'GET /../../a -> 200 one /a',
        'GET /.. -> 200 one /',
        'GET /a/.../b -> 200 one /a/.../b',
        'GET /a/..b/c -> 200 one /a/..b/c',
        'GET /a/.b -> 200 one /a/.b',
        'GET /a./b -> 200 one /a./b',
        'GET /a//../b -> 200 one /a/b',
        'GET //a//b -> 200 one //a//b',
        'GET /a/%2e%2E/b -> 200 one /b',
        'GET /a/%2e/b -> 200 one /a/b',
        'GET /a/.%2e/b -> 200 one /b',
        'GET /a%2eb -> 200 one /a.b',
        'GET /a/../b?x=/../y -> 200 one /b?x=/../y',
      ],
    },
    {
      name: 'normalize_path: escapes',
      routes: ROUTES,
      manager: 'normalize_path: true',
      requests: [
        'GET /%61%62%7E%2D%5F -> 200 one /ab~-_',
        'GET /a%20b%22 -> 200 one /a%20b%22',
        'GET /a%2fb%2Fc -> 200 one /a%2fb%2Fc',
        'GET /a%5cb -> 200 one /a%5cb',
        'GET /%25%32%35 -> 200 one',
        'GET /%zz%1 -> 200 one /%zz%1',
        'GET /% -> 200 one /%',
        'GET /%%300 -> 200 one',
        'GET /%%30%30 -> 200 one',
        'GET /%3%30 -> 200 one',
        'GET /%2541 -> 200 one /%2541',
        'GET /a%01b%7f -> 200 one /a%01b%7f',
        'GET /%c3%a4%C3 -> 200 one /%c3%a4%C3',
        'GET /a%00b -> 400 ""',
        'GET /a?b=%00 -> 200 one /a?b=%00',
        "GET /!$&'()*+,;=:@ -> 200 one /!$&'()*+,;=:@",
        'GET /[a]|b^`c -> 200 one',
        'GET /<a>{b} -> 200 one',
        'GET /a\\b\\..\\c -> 200 one',
      ],
    },
    {
      name: 'normalize_path comes before the choice of the route',
      routes: `
        - { match: { prefix: /public/ }, route: { cluster: one } }
        - { match: { prefix: /private/ }, direct_response: { status: 403 } }`,
      manager: 'normalize_path: true',
      requests: [
        'GET /public/x -> 200 one /public/x',
        'GET /public/../private/x -> 403',
        'GET /public/%2e%2e/private/x -> 403',
        'GET /public/..%2fprivate/x -> 200 one /public/..%2fprivate/x',
        'GET /%70ublic/ -> 200 one /public/',
      ],
    },
    {
      name: 'merge_slashes',
      routes: `
        - { match: { path: /a/b }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      manager: 'merge_slashes: true',
      requests: [
        'GET //a///b -> 200 one /a/b',
        'GET /a//b/ -> 200 two /a/b/',
        'GET /a/b?c=//d -> 200 one /a/b?c=//d',
        'GET /a//../b -> 200 two /a/../b',
        'GET // -> 200 two //',
      ],
    },
    {
      name: 'merge_slashes comes after normalize_path',
      routes: ROUTES,
      manager: '{ merge_slashes: true, normalize_path: true }',
      requests: ['GET /a//../b -> 200 one /a/b', 'GET /a///../b -> 200 one /a/b', 'GET /a//b/ -> 200 one /a/b/'],
    },
    {
      name: 'escaped slashes: REJECT_REQUEST',
      routes: ROUTES,
      manager: 'path_with_escaped_slashes_action: REJECT_REQUEST',
      requests: [
        'GET /a%2Fb -> 400 ""',
        'GET /a%2fb -> 400 ""',
        'GET /a%5Cb -> 400 ""',
        'GET /a%5cb -> 400 ""',
        'GET /a%252Fb -> 200 one /a%252Fb',
        'GET /a?b=%2F -> 200 one /a?b=%2F',
        'GET /a%2 -> 200 one /a%2',
        'POST /a%2Fb [content-type: application/grpc] "x" -> 200 {grpc-status: 13}',
      ],
    },
    {
      name: 'escaped slashes: UNESCAPE_AND_REDIRECT',
      routes: ROUTES,
      manager: 'path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT',
      requests: [
        'GET /a%2Fb -> 307 "" {location: /a/b}',
        'GET /a%2fb%5Cc?d=%2F -> 307 {location: /a/b\\c?d=%2F}',
        'POST /a%2Fb "x" -> 307 {location: /a/b}',
        'GET /a%252Fb -> 200 one',
        'POST /a%2Fb [content-type: application/grpc] "x" -> 200 {grpc-status: 13}',
      ],
    },
    {
      name: 'escaped slashes: UNESCAPE_AND_REDIRECT, normalized as well',
      routes: ROUTES,
      manager: '{ path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT, normalize_path: true, merge_slashes: true }',
      requests: [
        'GET /a%2F..%2Fb -> 307 {location: /b}',
        'GET /a%5C%5Cb -> 307 {location: /a/b}',
        'GET /a/../b -> 200 one /b',
        'GET /a%2Fb%00 -> 400',
      ],
    },
    {
      name: 'escaped slashes: UNESCAPE_AND_FORWARD',
      routes: `
        - { match: { path: /a/b }, route: { cluster: one } }
        - { match: { prefix: / }, route: { cluster: two } }`,
      manager: '{ path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD }',
      requests: ['GET /a%2Fb -> 200 one /a/b', 'GET /a%2fb?c=%2F -> 200 one /a/b?c=%2F', 'GET /a%5Cb -> 200 two'],
    },
    {
      name: 'escaped slashes: KEEP_UNCHANGED',
      routes: ROUTES,
      manager: '{ path_with_escaped_slashes_action: KEEP_UNCHANGED, normalize_path: true }',
      requests: ['GET /a%2Fb -> 200 one /a%2Fb', 'GET /a%2F../b -> 200 one /a%2F../b'],
    },
    {
      name: 'strip_any_host_port',
      hosts: `[{ name: shop, domains: [shop], routes: ${ROUTES} }]`,
      manager: 'strip_any_host_port: true',
      requests: [
        'GET shop:8080/ -> 200 one host=shop',
        'GET shop/ -> 200 one host=shop',
        'GET shop:http/ -> 404',
        'GET shop:/ -> 404',
      ],
    },
    {
      name: 'strip_matching_host_port leaves another port',
      hosts: `[{ name: shop, domains: ['shop:8080'], routes: ${ROUTES} }]`,
      manager: 'strip_matching_host_port: true',
      requests: ['GET shop:8080/ -> 200 one host=shop:8080', 'GET shop/ -> 404 NR'],
    },
    {
      name: 'strip_matching_host_port and strip_any_host_port',
      routes: ROUTES,
      manager: '{ strip_matching_host_port: true, strip_any_host_port: true }',
      requests: [],
      refused: 'strip_any_host_port',
    },
    {
      name: 'strip_trailing_host_dot',
      hosts: `
        - { name: shop, domains: [shop.example], routes: ${ROUTES} }
        - { name: port, domains: ['shop.example:8080'], routes: ${ROUTES} }`,
      manager: 'strip_trailing_host_dot: true',
      requests: [
        'GET shop.example./ -> 200 one host=shop.example',
        'GET shop.example.:8080/ -> 200 one host=shop.example:8080',
        'GET shop.example/ -> 200 one host=shop.example',
        'GET shop.example../ -> 404',
      ],
    },
    {
      name: 'a trailing dot and a port',
      hosts: `[{ name: shop, domains: [shop.example], routes: ${ROUTES} }]`,
      manager: '{ strip_trailing_host_dot: true, strip_any_host_port: true }',
      requests: ['GET shop.example.:8080/ -> 200 one host=shop.example', 'GET SHOP.example./ -> 200 one'],
    },
    {
      name: 'a dot is a part of the host unless the feed says otherwise',
      hosts: `[{ name: shop, domains: [shop.example], routes: ${ROUTES} }]`,
      requests: ['GET shop.example./ -> 404 NR'],
    },
  ],
};
