using UnityEngine;
using UnityEngine.UI;

namespace Spark.Platformer2D
{
    /// <summary>Shows coins, lives and the end of the level. Builds its own canvas, and writes only when something changed.</summary>
    public sealed class Hud : MonoBehaviour
    {
        [SerializeField] private Vector2 referenceResolution = new Vector2(960f, 540f);

        private GameManager game;
        private Text score;
        private Text banner;

        private void Start()
        {
            Build();
            game = GameManager.Current;
            game.Changed += Show;
            Show();
        }

        private void OnDestroy()
        {
            if (game != null) game.Changed -= Show;
        }

        private void Show()
        {
            score.text = "Coins " + game.Coins + "    Lives " + game.Lives;
            banner.enabled = game.IsWon || game.IsLost;
            if (banner.enabled) banner.text = (game.IsWon ? "You made it!" : "Game over") + "\nPress Enter to play again";
        }

        private void Build()
        {
            var canvas = gameObject.AddComponent<Canvas>();
            canvas.renderMode = RenderMode.ScreenSpaceOverlay;
            var scaler = gameObject.AddComponent<CanvasScaler>();
            scaler.uiScaleMode = CanvasScaler.ScaleMode.ScaleWithScreenSize;
            scaler.referenceResolution = referenceResolution;
            score = AddText("Score", 24, TextAnchor.UpperLeft);
            banner = AddText("Banner", 40, TextAnchor.MiddleCenter);
        }

        private Text AddText(string label, int size, TextAnchor anchor)
        {
            var child = new GameObject(label, typeof(RectTransform));
            var area = (RectTransform)child.transform;
            area.SetParent(transform, false);
            area.anchorMin = Vector2.zero;
            area.anchorMax = Vector2.one;
            area.offsetMin = new Vector2(16f, 12f);
            area.offsetMax = new Vector2(-16f, -12f);
            var text = child.AddComponent<Text>();
            text.font = DefaultFont();
            text.fontSize = size;
            text.alignment = anchor;
            text.color = Color.white;
            text.raycastTarget = false;
            child.AddComponent<Shadow>().effectDistance = new Vector2(2f, -2f);
            return text;
        }

        private static Font DefaultFont()
        {
#if UNITY_2022_2_OR_NEWER
            return Resources.GetBuiltinResource<Font>("LegacyRuntime.ttf");
#else
            return Resources.GetBuiltinResource<Font>("Arial.ttf");
#endif
        }
    }
}
