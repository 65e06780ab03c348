module oauthgw/e2e/release

go 1.26.0
