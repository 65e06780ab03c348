module oauthgw/e2e/clock

go 1.26
