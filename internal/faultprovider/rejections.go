package faultprovider

import "strings"

const invalidClient = `{"error":"invalid_client"}`

// rejections refuse the client in spellings that not every reader understands
// alike.
func rejections() []Fault {
	named := func(name, sentence, status, body string) Fault {
		return Fault{"invalid-client-" + name, sentence, "71", OnPost, says(whole(status, body, typeJSON))}
	}
	const badRequest = "400 Bad Request"
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	return []Fault{
		{"no-challenge", "refuses the client with a 401 that has no WWW-Authenticate", "70", OnPost,
			says(whole("401 Unauthorized", invalidClient, typeJSON))},
		named("400", "refuses the client with status 400", badRequest, invalidClient),
		named("403", "refuses the client with status 403", "403 Forbidden", invalidClient),
		named("200", "refuses the client with status 200", "200 OK", invalidClient),
		named("bom", "puts a byte order mark before the refusal of the client", badRequest, "\ufeff"+invalidClient),
		named("capital", "writes the member error of the refusal with a capital", badRequest, `{"Error":"invalid_client"}`),
		named("duplicate", "names two errors in one refusal, the client's last", badRequest, `{"error":"invalid_grant","error":"invalid_client"}`),
		named("escaped", "escapes a letter of invalid_client", badRequest, `{"error":"invalid\u005fclient"}`),
		named("trailing", "puts more behind the refusal of the client", badRequest, invalidClient+` {"access_token":"`+TokenPrefix+`junk"}`),
		named("array", "puts the refusal of the client into a list", badRequest, "["+invalidClient+"]"),
		named("deep", "nests lists 10,001 deep beside invalid_client", badRequest, `{"error":"invalid_client","x":`+deep+"}"),
	}
}
