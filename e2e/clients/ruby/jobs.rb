# What every client of Ruby does: read jobs from standard input, log in as each
# of them, and print one line of JSON for each. See ../jobs.mjs.
require "json"

# work does the jobs one after another. The block makes the client of a job: a
# lambda for each grant it knows, which returns a token response.
def work(&connect)
  JSON.parse($stdin.set_encoding("UTF-8").read).each do |job|
    puts JSON.generate("id" => job["id"], "grants" => attempt(job, connect))
    $stdout.flush
  end
end

def attempt(job, connect)
  tokens = {}
  client = nil
  job["grants"].to_h do |grant|
    client ||= connect.call(job)
    raise "no refresh token" if grant == "refresh_token" && !tokens["refresh_token"]

    answer = client.fetch(grant).call(tokens["refresh_token"])
    raise "no access token" if answer["access_token"].to_s.empty?

    tokens = answer
    [grant, "ok"]
  rescue StandardError => e
    [grant, "#{e.class} #{e.message}".scrub]
  end
end
