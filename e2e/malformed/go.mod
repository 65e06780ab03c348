module oauthgw/e2e/malformed

go 1.26
