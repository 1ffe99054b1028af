package identity

// awsAccount owns the policies that AWS manages, which every account can use.
const awsAccount = "aws"

// awsPolicies are the documents of the policies that AWS manages, by ARN.
var awsPolicies = map[string]string{}

func awsPolicyDocument(arn string) (document string, ok bool) {
	document, ok = awsPolicies[arn]
	return document, ok
}
