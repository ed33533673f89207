import assert from 'node:assert/strict';
import { messageType } from './registry.ts';
import { validateRulesOf } from './validate-rules.ts';

const cluster = messageType('envoy.config.cluster.v3.Cluster');
const routeMatch = messageType('envoy.config.route.v3.RouteMatch');

function rulesOf(message: typeof cluster, field: string) {
  return validateRulesOf(message.fields.find(({ name }) => name === field)!);
}

describe('validateRulesOf', () => {
  it('gives the rules of a field', () => {
    const { type } = rulesOf(cluster, 'name')!;
    assert.ok(type.case === 'string');
    assert.equal(type.value.minLen, 1n);
    assert.equal(Object.hasOwn(type.value, 'maxLen'), false);
  });

  it('gives bounds that are messages', () => {
    const { type } = rulesOf(cluster, 'connect_timeout')!;
    assert.ok(type.case === 'duration');
    assert.equal(type.value.gt?.seconds, 0n);
  });

  it('gives the rules of the items of a list', () => {
    const { type } = rulesOf(messageType('envoy.config.route.v3.VirtualHost'), 'domains')!;
    assert.ok(type.case === 'repeated');
    assert.equal(type.value.minItems, 1n);
    assert.equal(type.value.items?.type.case, 'string');
  });

  it('says when a message must be present', () => {
    assert.equal(rulesOf(messageType('envoy.config.route.v3.Route'), 'match')?.message?.required, true);
  });

  it('gives nothing where nothing is demanded', () => {
    assert.equal(rulesOf(messageType('envoy.config.core.v3.Node'), 'id'), undefined);
  });

  it('knows the oneofs that must be set, and those that need not', () => {
    const [pathSpecifier] = routeMatch.oneofs;
    assert.equal(pathSpecifier?.name, 'path_specifier');
    assert.deepEqual(validateRulesOf(pathSpecifier), { required: true });
    assert.deepEqual(validateRulesOf(cluster.oneofs[0]!), { required: false });
  });

  it('knows whether a message is exempt', () => {
    assert.deepEqual(validateRulesOf(cluster), { disabled: false, ignored: false });
  });
});
