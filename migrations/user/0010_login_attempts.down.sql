-- Forgets failed logins, and from where users have logged in.
drop table login_networks;
drop table login_attempts;
