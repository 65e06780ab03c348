// Moves Basic credentials into client_id and client_secret of the form.
import qs from 'querystring';

const form = 'application/x-www-form-urlencoded';

function answer(r, status, text) {
  r.headersOut['Content-Type'] = 'application/json';
  r.headersOut['Cache-Control'] = 'no-store';
  r.headersOut['Pragma'] = 'no-cache';
  if (status == 401) r.headersOut['WWW-Authenticate'] = 'Basic realm="https://login.example.com"';
  r.return(status, text);
}

function refuse(r, status, code) { answer(r, status, JSON.stringify({error: code})); }

function decode(half) { return decodeURIComponent(half.replace(/\+/g, ' ')); }

// basic returns the pair of an Authorization field, or nothing.
function basic(field) {
  const match = /^basic +(.*)$/i.exec(field);
  if (!match) return;
  const pair = Buffer.from(match[1], 'base64').toString();
  const colon = pair.indexOf(':');
  if (colon >= 0) return [decode(pair.slice(0, colon)), decode(pair.slice(colon + 1))];
}

function token(r) {
  if (r.method != 'POST') return refuse(r, 405, 'invalid_request');
  if ((r.headersIn['Content-Type'] || '').split(';')[0].trim().toLowerCase() != form) return refuse(r, 400, 'invalid_request');
  if (r.headersIn['Content-Encoding']) return refuse(r, 415, 'invalid_request');
  const params = qs.parse(r.requestText || '', null, null, {maxKeys: 101});
  const names = Object.keys(params);
  if (names.length > 100) return refuse(r, 400, 'invalid_request');
  for (let i = 0; i < names.length; i++) {
    if (Array.isArray(params[names[i]]) && names[i] != 'resource') return refuse(r, 400, 'invalid_request');
  }
  const field = r.headersIn.Authorization;
  if (field) {
    const pair = basic(field);
    if (!pair) return refuse(r, 401, 'invalid_client');
    if (params.client_assertion || params.client_id && params.client_id != pair[0] || params.client_secret && params.client_secret != pair[1]) {
      return refuse(r, 400, 'invalid_request');
    }
    delete params.client_id;
    delete params.client_secret;
    params.client_id = pair[0];
    if (pair[1]) params.client_secret = pair[1];
  }
  r.subrequest('/rewritten', {method: 'POST', body: qs.stringify(params)}, function (reply) {
    let status = reply.status;
    if (status == 400 && field && JSON.parse(reply.responseText).error == 'invalid_client') status = 401;
    answer(r, status, reply.responseText);
  });
}

export default {token};
