import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Program } from '../support/program.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
const cli = fileURLToPath(new URL('../../packages/inmesh/src/cli/main.ts', import.meta.url));

/** The block that holds this text, so that the test fails when the README no longer says it. */
function block(language: string, text: string): string {
  const found = blocks.find((each) => each.language === language && each.code?.includes(text));
  assert.ok(found?.code, `the README has a ${language} block with "${text}"`);
  return found.code;
}

/** `npx inmesh …` as the README writes it, run from the sources. */
function command(line: string, env: NodeJS.ProcessEnv = {}): Program {
  const args = line.replace(/^npx inmesh /, '').split(' ');
  const code = `import { main } from ${JSON.stringify(cli)}; process.exitCode = await main(${JSON.stringify(args)});`;
  return new Program(code, { env });
}

describe('the README', () => {
  const programs: Program[] = [];
  let env: NodeJS.ProcessEnv = {};

  before(async () => {
    const line = block('sh', 'inmesh control-plane').trim();
    const plane = command(line.replace('127.0.0.1:18000', '127.0.0.1:0'));
    programs.push(plane);
    await plane.said('listening on');
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(plane.output)?.[1];
    const bootstrap = /GRPC_XDS_BOOTSTRAP_CONFIG='([^']*)'/.exec(block('sh', 'GRPC_XDS_BOOTSTRAP_CONFIG'))?.[1];
    env = { GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap?.replace(':18000', `:${port}`) ?? '' };
  });

  after(() => {
    for (const program of programs) program.close();
  });

  it('has a first program that runs: nothing answers for reviews here, and it says so', async () => {
    const program = new Program(block('ts', "mesh.fetch('http://reviews:9080/reviews/1')"), { env });
    programs.push(program);
    const { code, out, err } = await program.ended;
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^\[connection_failure\] cannot connect: .*cluster reviews-v\d, endpoint 127\.0\.0\.1:/);
  });

  it('has a program for pods that tells, outside of one, what it misses', async () => {
    const code = `import { createMesh } from 'inmesh';\n${block('ts', 'istio: {}')}`;
    const program = new Program(code, { env: { POD_NAMESPACE: '', NAMESPACE: '' } });
    programs.push(program);
    const { code: exit, err } = await program.ended;
    assert.equal(exit, 1);
    assert.match(err, /\[invalid_config\] istio: namespace is not known; set POD_NAMESPACE/);
  });

  it('shows an explanation that can be had', async () => {
    const line = /`(npx inmesh explain [^`]+)`/.exec(readme)?.[1];
    assert.ok(line);
    const program = command(line, env);
    programs.push(program);
    const { code, out } = await program.ended;
    assert.equal(code, 0);
    assert.match(out, /listener {2,}reviews:9080\n.*\n.*\n {2}routes:\n/);
    assert.match(out, / {4}reviews-v1 \(/);
  });

  it('names only scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const named = [...readme.matchAll(/npm (?:run )?([a-z]+(?::[a-z]+)?)(?=[\s`)])/g)].map(
      ([, name]) => name as string,
    );
    assert.ok(named.includes('test') && named.includes('demo'));
    for (const name of named.filter((each) => each !== 'ci')) assert.ok(scripts[name], `npm run ${name}`);
  });
});
