// A certified OpenID provider on loopback. Every first segment of a path is an issuer of its own, made when it is first asked for, with its own
// keys: tests that run side by side do not see each other's changes.
//
//   node provider.mjs PORT CLIENT SECRET
//
//   GET  /{issuer}/.well-known/openid-configuration, /jwks; POST /token      the provider's own
//   POST /{issuer}/rotate    new keys are published beside the old ones, and sign from now on
//   POST /{issuer}/retire    the old ones are published no longer
//   GET  /{issuer}/told      the ID token that was given out last, which no browser sees
//
// The client gets access tokens by `client_credentials`; the resource that it names, `urn:offprint:{algorithm}`, chooses the signature. And it signs
// people in, who are called Grace: any login will do, by the provider's own pages. A loopback address to come back to may have any port.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider, errors } from 'oidc-provider';

const [port, clientId, clientSecret] = process.argv.slice(2);
const origin = `http://127.0.0.1:${port}`;
const resource = 'urn:offprint:';
const pairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const algorithms = Object.keys(pairs);

const newKeys = () => algorithms.map((alg) => ({ ...pairs[alg]().privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID() }));

// A provider reads its keys once, so a change of keys is a new one.
const listener = (issuer, keys, signing) => {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: clientId,
      client_secret: clientSecret,
      application_type: 'native',
      grant_types: ['client_credentials', 'authorization_code'],
      redirect_uris: ['https://app.test/sign-in/callback', 'http://127.0.0.1/sign-in/callback'],
      response_types: ['code'],
    }],
    claims: { profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'Grace' }) }),
    jwks: { keys },
    enabledJWA: { idTokenSigningAlgValues: algorithms },
    extraTokenClaims: () => ({ name: 'Ada', email: 'ada@lab.example', email_verified: true, groups: ['imaging', 'lab-a'] }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, asked) => {
          const key = signing.find(({ alg }) => asked === resource + alg);
          if (!key) throw new errors.InvalidTarget();
          return { scope: '', audience: 'offprint', accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: key.alg, kid: key.kid } } };
        },
      },
    },
  });
  provider.on('grant.success', ({ body }) => body.id_token && told.set(issuer, body.id_token));
  return provider.callback();
};

const told = new Map();
const issuers = new Map();
const publish = (name, signing, old = []) => {
  issuers.set(name, { signing, answer: listener(`${origin}/${name}`, [...signing, ...old], signing) });
  return issuers.get(name);
};

const server = createServer((request, response) => {
  const [, name, ...rest] = request.url.split('/');
  if (!/^[a-z0-9-]{1,64}$/.test(name)) {
    response.writeHead(404).end();
    return;
  }
  const known = issuers.get(name) ?? publish(name, newKeys());
  const change = request.method === 'POST' ? rest.join('/') : '';
  if (change === 'rotate' || change === 'retire') {
    publish(name, ...(change === 'rotate' ? [newKeys(), known.signing] : [known.signing]));
    response.writeHead(204).end();
    return;
  }
  if (rest.join('/') === 'told') {
    response.end(told.get(`${origin}/${name}`));
    return;
  }
  // As a router would mount it: the provider finds the prefix by comparing the two.
  request.originalUrl = request.url;
  request.url = `/${rest.join('/')}`;
  known.answer(request, response);
});
server.listen(Number(port), '127.0.0.1');
