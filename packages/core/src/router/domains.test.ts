import assert from 'node:assert/strict';
import { virtualHost } from '../testing/models.ts';
import { VirtualHostIndex, withoutPort } from './domains.ts';

function find(authority: string, domains: readonly (string | readonly string[])[], ignorePort = false): string | null {
  const hosts = domains.map((names) =>
    virtualHost([], { name: String(names), domains: typeof names === 'string' ? [names] : names }),
  );
  return new VirtualHostIndex(hosts).find(authority, ignorePort)?.name ?? null;
}

describe('virtual host by domain', () => {
  it('exact before suffix before prefix before any', () => {
    const all = ['*', 'reviews.*', '*.shop', 'reviews.shop'];
    assert.equal(find('reviews.shop', all), 'reviews.shop');
    assert.equal(find('ratings.shop', all), '*.shop');
    assert.equal(find('reviews.test', all), 'reviews.*');
    assert.equal(find('other', all), '*');
    assert.equal(find('other', ['reviews.*', '*.shop']), null);
  });

  it('the longest of a kind, whatever the order', () => {
    for (const order of [(list: string[]) => list, (list: string[]) => list.reverse()]) {
      assert.equal(find('a.b.shop', order(['*.shop', '*.b.shop', '*shop'])), '*.b.shop');
      assert.equal(find('reviews.eu.shop', order(['reviews.*', 'reviews.eu.*', 'rev*'])), 'reviews.eu.*');
    }
    assert.equal(find('a.shop', ['*p', 'a.shop*', 'a.sho*']), '*p');
  });

  it('the first of two that say the same', () => {
    assert.equal(
      find('a', [
        ['a', 'x'],
        ['a', 'y'],
      ]),
      'a,x',
    );
  });

  it('a wildcard stands for one character at least', () => {
    assert.equal(find('.shop', ['*.shop']), null);
    assert.equal(find('a.shop', ['*.shop']), '*.shop');
    assert.equal(find('shop.', ['shop.*']), null);
    assert.equal(find('-shop', ['*-shop']), null);
    assert.equal(find('x-shop', ['*-shop']), '*-shop');
  });

  it('letter case does not matter', () => {
    assert.equal(find('Reviews.Shop', ['reviews.shop']), 'reviews.shop');
    assert.equal(find('A.SHOP', ['*.Shop']), '*.Shop');
  });

  it('any of the domains of a virtual host', () => {
    assert.equal(find('reviews:9080', [['reviews', 'reviews:9080']]), 'reviews,reviews:9080');
  });

  it('the port counts, unless the feed says to ignore it', () => {
    assert.equal(find('reviews:9080', ['reviews']), null);
    assert.equal(find('reviews:9080', ['reviews'], true), 'reviews');
    assert.equal(find('reviews:9080', ['*.shop', 'reviews:*']), 'reviews:*');
    assert.equal(find('reviews:9080', ['reviews:9080'], true), null);
  });

  it('an IPv6 address keeps its brackets and its colons', () => {
    assert.equal(withoutPort('[::1]:80'), '[::1]');
    assert.equal(withoutPort('[::1]'), '[::1]');
    assert.equal(withoutPort('[fe80::1%25eth0]:8080'), '[fe80::1%25eth0]');
    assert.equal(withoutPort('10.0.0.1:80'), '10.0.0.1');
    assert.equal(withoutPort('reviews'), 'reviews');
    assert.equal(find('[::1]:80', ['[::1]'], true), '[::1]');
    assert.equal(find('[::1]:80', ['[::1]:80']), '[::1]:80');
  });
});
