module sandglass

go 1.25
