//go:build !wasip1

package guest

// serve has nobody to serve in a program that isn't validation code, such as a test of it.
func serve(func(Params) (Outputs, error)) {}
