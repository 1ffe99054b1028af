package awsquery

// Decode reads queries into a request as a [Handler] does.
func Decode(in Request, queries ...string) error {
	mustBeReadable(in)
	p, err := parse(queries...)
	if err != nil {
		return err
	}
	return decode(p, in)
}
