package process

// Without is for tests.
var Without = without
