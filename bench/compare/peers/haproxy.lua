-- Moves Basic credentials into client_id and client_secret of the form. The action
-- decides and sets the length, the filter replaces the body.
local function refuse(txn, status, code)
  local reply = txn:reply{status = status, body = '{"error":"' .. code .. '"}'}
  reply:add_header("content-type", "application/json")
  reply:add_header("cache-control", "no-store")
  if status == 401 then reply:add_header("www-authenticate", 'Basic realm="https://login.example.com"') end
  txn:done(reply)
end

core.register_action("rewrite", {"http-req"}, function(txn)
  if txn.sf:method() ~= "POST" then return refuse(txn, 405, "invalid_request") end
  local media = string.match(string.lower(txn.sf:req_hdr("content-type")), "^%s*([^;%s]+)")
  if media ~= "application/x-www-form-urlencoded" then return refuse(txn, 400, "invalid_request") end
  if txn.sf:req_hdr("content-encoding") ~= "" then return refuse(txn, 415, "invalid_request") end

  local form, seen = {}, {}
  for pair in string.gmatch(txn.sf:req_body(), "[^&]+") do
    local name, value = string.match(pair, "^([^=]*)=?(.*)$")
    name, value = txn.sc:url_dec(name, 1), txn.sc:url_dec(value, 1)
    if #form >= 100 or (seen[name] and name ~= "resource") then return refuse(txn, 400, "invalid_request") end
    seen[name] = value
    if name ~= "client_id" and name ~= "client_secret" then
      form[#form + 1] = txn.sc:url_enc(name, "query") .. "=" .. txn.sc:url_enc(value, "query")
    end
  end

  local id, secret = seen.client_id, seen.client_secret
  local field = txn.sf:req_fhdr("authorization")
  if field ~= "" then
    local encoded = string.match(field, "^[Bb][Aa][Ss][Ii][Cc] +(.*)$")
    local user, password = string.match(encoded and txn.sc:b64dec(encoded) or "", "^([^:]*):(.*)$")
    if not user then return refuse(txn, 401, "invalid_client") end
    user, password = txn.sc:url_dec(user, 1), txn.sc:url_dec(password, 1)
    if seen.client_assertion or (id and id ~= user) or (secret and secret ~= password) then
      return refuse(txn, 400, "invalid_request")
    end
    id, secret = user, password
    txn.http:req_del_header("authorization")
  end
  if id then form[#form + 1] = "client_id=" .. txn.sc:url_enc(id, "query") end
  if secret and secret ~= "" then form[#form + 1] = "client_secret=" .. txn.sc:url_enc(secret, "query") end
  local body = table.concat(form, "&")
  txn.http:req_set_header("content-length", tostring(#body))
  txn:set_var("txn.body", body)
end, 0)

local Rewrite = {id = "rewrite", flags = filter.FLT_CFG_FL_HTX}
Rewrite.__index = Rewrite

function Rewrite:new() return setmetatable({}, Rewrite) end

function Rewrite:start_analyze(txn, channel)
  if not channel:is_resp() then filter.register_data_filter(self, channel) end
end

function Rewrite:http_payload(txn, message)
  local body = txn:get_var("txn.body")
  if body then
    message:set(body)
    txn:unset_var("txn.body")
  end
end

core.register_filter("rewrite", Rewrite, function(self) return self end)
