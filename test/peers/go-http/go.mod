module peers/go-http

go 1.26.0
