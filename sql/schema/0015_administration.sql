-- What the server keeps of itself beside its settings.
CREATE TABLE system_metadata (
    key   text PRIMARY KEY,
    value jsonb NOT NULL
);

-- Settings are named by their paths in the contract.
INSERT INTO system_metadata (key, value)
SELECT 'admin-onboarding', jsonb_build_object('isOnboarded', setting.value)
  FROM setting WHERE setting.name = 'is_onboarded';
DELETE FROM setting WHERE name = 'is_onboarded';
UPDATE setting
   SET name = renamed.path
  FROM (VALUES
       ('external_domain', 'server.externalDomain'),
       ('login_page_message', 'server.loginPageMessage'),
       ('are_users_public', 'server.publicUsers'),
       ('custom_css', 'theme.customCss'),
       ('is_password_login_enabled', 'passwordLogin.enabled'),
       ('is_trash_enabled', 'trash.enabled'),
       ('trash_days', 'trash.days'),
       ('user_delete_delay_days', 'user.deleteDelay'),
       ('map_light_style_url', 'map.lightStyle'),
       ('map_dark_style_url', 'map.darkStyle')) AS renamed (name, path)
 WHERE setting.name = renamed.name;
