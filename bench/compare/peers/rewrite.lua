-- Moves Basic credentials into client_id and client_secret of the form.
local function refuse(status, code)
  ngx.status = status
  local text = '{"error":"' .. code .. '"}'
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
  return ngx.exit(status)
end

if ngx.req.get_method() ~= "POST" then return refuse(405, "invalid_request") end
local media = string.match(string.lower(ngx.var.content_type or ""), "^%s*([^;%s]+)")
if media ~= "application/x-www-form-urlencoded" then return refuse(400, "invalid_request") end
if ngx.var.http_content_encoding then return refuse(415, "invalid_request") end

ngx.req.read_body()
local form, seen = {}, {}
for pair in string.gmatch(ngx.req.get_body_data() or "", "[^&]+") do
  local name, value = string.match(pair, "^([^=]*)=?(.*)$")
  name, value = ngx.unescape_uri(name), ngx.unescape_uri(value)
  if #form >= 100 or (seen[name] and name ~= "resource") then return refuse(400, "invalid_request") end
  seen[name] = value
  if name ~= "client_id" and name ~= "client_secret" then
    form[#form + 1] = ngx.escape_uri(name) .. "=" .. ngx.escape_uri(value)
  end
end

local id, secret = seen.client_id, seen.client_secret
local field = ngx.var.http_authorization
if field then
  local encoded = string.match(field, "^[Bb][Aa][Ss][Ii][Cc] +(.*)$")
  local pair = encoded and ngx.decode_base64(encoded)
  local user, password = string.match(pair or "", "^([^:]*):(.*)$")
  if not user then return refuse(401, "invalid_client") end
  user, password = ngx.unescape_uri(user), ngx.unescape_uri(password)
  if seen.client_assertion or (id and id ~= user) or (secret and secret ~= password) then
    return refuse(400, "invalid_request")
  end
  id, secret = user, password
  ngx.req.clear_header("Authorization")
end
if id then form[#form + 1] = "client_id=" .. ngx.escape_uri(id) end
if secret and secret ~= "" then form[#form + 1] = "client_secret=" .. ngx.escape_uri(secret) end
ngx.req.set_body_data(table.concat(form, "&"))
