package process

// For tests.
var (
	Without  = without
	Writable = writable
)
