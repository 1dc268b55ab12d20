from django.urls import path

from accounts.lists import views as list_views
from accounts.members import views as teammate_views
from accounts.profile import views as account_views
from accounts.programs import views as programs_views
from accounts.sign_in import views as security_views
from accounts.sign_in import views as sign_in_views

app_name = "accounts"
urlpatterns = [
    path("account/", account_views.AccountView.as_view(), name="account"),
    path("lists/<slug:name>/columns/", list_views.list_columns, name="list_columns"),
    path("lists/<slug:name>/views/", list_views.view_save, name="view_save"),
    path("lists/views/<int:pk>/delete/", list_views.view_delete, name="view_delete"),
    path("account/login/", sign_in_views.LoginView.as_view(), name="login"),
    path("account/login/passkey/", security_views.passkey_login, name="passkey_login"),
    path("account/challenge/", sign_in_views.captcha_challenge, name="captcha_challenge"),
    path("account/logout/", sign_in_views.LogoutView.as_view(), name="logout"),
    path("account/password/forgotten/", account_views.ResetView.as_view(), name="password_reset"),
    path("account/password/sent/", account_views.ResetSentView.as_view(), name="password_reset_sent"),
    path("account/password/", account_views.ChangePasswordView.as_view(), name="password_change"),
    path("account/address/", account_views.AddressView.as_view(), name="email_change"),
    path("account/address/<str:token>/", account_views.email_confirm, name="email_confirm"),
    path("account/address/undo/<str:token>/", account_views.email_undo, name="email_undo"),
    path("account/invitation/<str:token>/", teammate_views.InvitationView.as_view(), name="invitation"),
    path("account/theme/", account_views.theme, name="theme"),
    path("account/confirm/", security_views.ConfirmView.as_view(), name="confirm"),
    path("account/security/", security_views.SecurityView.as_view(), name="security"),
    path("account/security/app/", security_views.AppAddView.as_view(), name="app_add"),
    path("account/security/passkeys/add/", security_views.KeyAddView.as_view(), name="key_add"),
    path("account/security/passkeys/<int:pk>/rename/", security_views.key_rename, name="key_rename"),
    path("account/security/factors/<int:pk>/remove/", security_views.factor_remove, name="factor_remove"),
    path("account/security/codes/", security_views.codes_make, name="codes_make"),
    path("account/browsers/<int:pk>/", security_views.browser_sign_out, name="browser_sign_out"),
    path("account/browsers/others/", security_views.browser_sign_out_others, name="browser_sign_out_others"),
    path("account/tokens/", programs_views.ApiTokenListView.as_view(), name="api_tokens"),
    path("account/tokens/<str:prefix>/revoke/", programs_views.api_token_revoke, name="api_token_revoke"),
    path("team/teammates/", teammate_views.TeammatesView.as_view(), name="teammates"),
    path("team/teammates/<int:pk>/role/", teammate_views.teammate_role, name="teammate_role"),
    path("team/teammates/<int:pk>/remove/", teammate_views.teammate_remove, name="teammate_remove"),
    path("team/invitations/<int:invitation>/resend/", teammate_views.invitation_resend, name="invitation_resend"),
    path("team/invitations/<int:invitation>/revoke/", teammate_views.invitation_revoke, name="invitation_revoke"),
]
