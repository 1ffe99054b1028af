package ecrapi_test

import (
	"strings"
	"testing"
)

func TestResourceTags(t *testing.T) {
	f := newFixture(t)
	f.create("app")
	const arn = "arn:aws:ecr:us-east-1:123456789012:repository/app"
	tag := func(arn, tags string) string { return `{"resourceArn":"` + arn + `","tags":[` + tags + `]}` }
	f.run(
		step{"ListTagsForResource", object("resourceArn", arn), `{"tags":[]}`},
		step{"TagResource", tag(arn, `{"Key":"a","Value":"1"},{"Key":"b","Value":""}`), `{}`},
		step{"TagResource", tag(arn, `{"Key":"a","Value":"2"}`), `{}`},
		step{"ListTagsForResource", object("resourceArn", arn), `{"tags":[{"Key":"a","Value":"2"},{"Key":"b","Value":""}]}`},
		step{"UntagResource", `{"resourceArn":"` + arn + `","tagKeys":["a","none"]}`, `{}`},
		step{"ListTagsForResource", object("resourceArn", arn), `{"tags":[{"Key":"b","Value":""}]}`},
		step{"TagResource", tag(arn, `{"Key":"x","Value":"1"},{"Key":"x","Value":"2"}`), refused("InvalidTagParameterException", "The tag key 'x' is given more than once")},
		step{
			"TagResource", tag(arn, `{"Key":"x","Value":"1"},{"Key":"X","Value":"2"}`),
			refused("InvalidTagParameterException", "The tag keys 'X' and 'x' differ in case only, which policies cannot tell apart"),
		},
		step{
			"TagResource", tag(arn, `{"Key":"B","Value":"1"}`),
			refused("InvalidTagParameterException", "The tag keys 'B' and 'b' differ in case only, which policies cannot tell apart"),
		},
		step{
			"TagResource", tag(arn, strings.TrimSuffix(numbered(50, `{"Key":"k%","Value":""},`), ",")),
			refused("TooManyTagsException", "The number of tags exceeds the limit of 50 tags per repository"),
		},
		step{
			"UntagResource", `{"resourceArn":"` + arn + `","tagKeys":["a\u0000"]}`,
			refused("InvalidTagParameterException", "The tag with key 'a\x00' has a character other than letters, digits, spaces and _.:/=+-@"),
		},
		step{
			"UntagResource", `{"resourceArn":"` + arn + `","tagKeys":[` + strings.TrimSuffix(numbered(51, `"k%",`), ",") + `]}`,
			refused("TooManyTagsException", "The number of tags exceeds the limit of 50 tags per repository"),
		},
		step{"ListTagsForResource", object("resourceArn", arn), `{"tags":[{"Key":"b","Value":""}]}`},
		step{"TagResource", tag("arn:aws:ecr:us-east-1:123456789012:repository/none", ""), refused("RepositoryNotFoundException", noRepository)},
		step{"UntagResource", `{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/none","tagKeys":[]}`, refused("RepositoryNotFoundException", noRepository)},
		step{"ListTagsForResource", object("resourceArn", "arn:aws:ecr:us-east-1:123456789012:repository/none"), refused("RepositoryNotFoundException", noRepository)},
		step{
			"ListTagsForResource", object("resourceArn", "arn:aws:ecr:us-east-1:210987654321:repository/app"),
			refused("RepositoryNotFoundException", "The repository with name 'app' does not exist in the registry with id '210987654321'"),
		},
		step{"ListTagsForResource", object("resourceArn", "arn:aws:ecr:eu-west-1:123456789012:repository/app"), invalid("resourceArn", "Invalid ARN: the request is for the region us-east-1")},
	)
	for _, bad := range []string{
		"", "app", "arn:aws:ecr:us-east-1:123456789012:app", "arn:aws:ecr:us-east-1:123456789012:repository/", "arn:aws:ecr:us-east-1:123456789012:repository/App",
		"arn:aws:s3:us-east-1:123456789012:repository/app", "arn:aws-cn:ecr:us-east-1:123456789012:repository/app", "arn:aws:ecr:nowhere:123456789012:repository/app",
		"arn:aws:ecr:us-east-1:12345:repository/app", "arn:aws:ecr:us-east-1:123456789012:repository/app/", "arn:aws:ecr:us-east-1:123456789012:repository/repository/../app",
		"ARN:aws:ecr:us-east-1:123456789012:repository/app", "arn:aws:ecr:us-east-1:123456789012:repository/app\x00",
	} {
		f.run(step{"ListTagsForResource", object("resourceArn", bad), invalid("resourceArn", "Invalid ARN")})
	}
}

// numbered repeats a text with % as a number.
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Replace(text, "%", string(rune('a'+i/10))+string(rune('0'+i%10)), 1))
	}
	return b.String()
}
